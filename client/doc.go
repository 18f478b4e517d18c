// Package client is the Go library of OpenGradient: it runs models on the chain and reads their verified answers.
//
// A [Client] is a connection to one node. It checks a request before anything is signed, tells what it costs, waits for its
// answer and shows its stages live. An [Account] signs with one key of a keyring and submits requests; thousands of
// goroutines may use one at a time. Every request carries an idempotency key, and a sequence number that was signed for a
// request is never given to another one while the first could still be executed: whatever fails, a request is neither lost
// nor paid for twice.
//
//	c, err := client.Dial(ctx, client.Config{RPC: "tcp://localhost:26657", GRPC: "localhost:9090"})
//	...
//	defer c.Close()
//	account, err := c.NewAccount(ctx, client.AccountConfig{Keyring: keys, Key: "alice"})
//	...
//	defer account.Close()
//	submitted, err := account.Submit(ctx, client.Request{
//		Model:  "iris",
//		Inputs: []client.Tensor{client.Float32s("x", []int64{1, 4}, []float32{5.1, 3.5, 1.4, 0.2})},
//	})
//	...
//	answer, err := c.Wait(ctx, submitted.RequestID, client.StageFinal)
//	...
//	label, err := client.Int64Values(answer.Outputs[0])
//
// Inputs and outputs are public: everybody can read them on the chain.
package client
