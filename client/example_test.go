package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/opengradient/opengradient/client"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
)

// flower is a request for the model that the developer guide registers.
func flower() client.Request {
	return client.Request{
		Model:  "iris",
		Inputs: []client.Tensor{client.Float32s("features", []int64{1, 4}, []float32{5.1, 3.5, 1.4, 0.2})},
	}
}

// A request from end to end: connect, sign with a key of the keyring, wait for the answer and read it.
func Example() {
	ctx := context.Background()
	c, err := client.Dial(ctx, client.Config{RPC: "tcp://localhost:26657", GRPC: "localhost:9090"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	keys, err := client.OpenKeyring("test", os.ExpandEnv("$HOME/.opengradient"), os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	account, err := c.NewAccount(ctx, client.AccountConfig{Keyring: keys, Key: "alice"})
	if err != nil {
		log.Fatal(err)
	}
	defer account.Close()

	submitted, err := account.Submit(ctx, flower())
	if err != nil {
		log.Fatal(err)
	}
	answer, err := c.Wait(ctx, submitted.RequestID, client.StageFinal)
	if err != nil {
		log.Fatal(err)
	}
	for _, output := range answer.Outputs {
		if output.Name == "label" {
			label, err := client.Int64Values(output)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("request %d, output root %x: %d\n", submitted.RequestID, answer.OutputRoot, label[0])
		}
	}
}

// A check says what is wrong with a request, and what it costs, before anything is signed.
func ExampleClient_Check() {
	ctx := context.Background()
	c, err := client.Dial(ctx, client.Config{RPC: "tcp://localhost:26657"})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	checked, err := c.Check(ctx, flower())
	var invalid *client.InvalidError
	switch {
	case errors.As(err, &invalid):
		fmt.Printf("%s has to be %s\n", invalid.Field, invalid.Expected)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Printf("costs %s%s now\n", checked.Fee.Total, inferencetypes.Denom)
	}
}

// With a key of its own a request can be submitted again at any time, also after a crash: it is paid for once.
func ExampleAccount_Submit() {
	ctx := context.Background()
	var account *client.Account // see the first example

	request := flower()
	request.IdempotencyKey = "order 17"
	submitted, err := account.Submit(ctx, request)
	var refused *client.RefusedError
	switch {
	case errors.Is(err, inferencetypes.ErrMaxFee):
		fmt.Println("the price has risen above max_fee, try again")
	case errors.As(err, &refused):
		fmt.Println("refused by the chain:", refused.Log)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("request", submitted.RequestID, "gas", submitted.GasFee)
	}
}

// The stages of a request as they come.
func ExampleClient_Watch() {
	ctx := context.Background()
	var c *client.Client // see the first example

	for event, err := range c.Watch(ctx, 7) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Stage, "in block", event.Height)
	}
}
