package iris

// Hidden is the number of units of the network's hidden layer.
const Hidden = 16

// Network is a trained perceptron with one hidden layer: the measurements are standardised, then go through 16
// rectified linear units, three linear units and a softmax. Its numbers are exactly those of the exported model.
type Network struct {
	// Mean and Scale standardise: (feature - Mean) / Scale. Both are in centimetres.
	Mean, Scale [Features]float32
	// Weights1 and Bias1 make the hidden layer; one row of weights per unit.
	Weights1 [Hidden][Features]float32
	Bias1    [Hidden]float32
	// Weights2 and Bias2 make the output layer; one row of weights per species.
	Weights2 [Classes][Hidden]float32
	Bias2    [Classes]float32
}

// Prediction is the network's answer for one flower.
type Prediction struct {
	// Probabilities of the species, in the order of SpeciesNames; they add up to 1 but for rounding.
	Probabilities [Classes]float32
	// Label is the most probable species; the lowest of equals.
	Label int64
}

// Parameters is the number of trained and standardisation parameters in the exported model.
func (n *Network) Parameters() int {
	return 2*Features + Hidden*(Features+1) + Classes*(Hidden+1)
}

// Predict runs the network on one flower, in 32-bit arithmetic and with the operations of the exported model. A
// runtime may sum in another order: its probabilities agree to about 1e-6, not to the bit. The result is the same on
// every architecture.
func (n *Network) Predict(features [Features]float32) Prediction {
	var x [Features]float32
	for i := range x {
		x[i] = (features[i] - n.Mean[i]) / n.Scale[i]
	}
	var h [Hidden]float32
	for j := range h {
		sum := float32(0)
		for i := range x {
			sum += float32(x[i] * n.Weights1[j][i])
		}
		h[j] = max(sum+n.Bias1[j], 0)
	}
	var logits [Classes]float32
	for c := range logits {
		sum := float32(0)
		for j := range h {
			sum += float32(h[j] * n.Weights2[c][j])
		}
		logits[c] = sum + n.Bias2[c]
	}
	highest := max(logits[0], logits[1], logits[2])
	var p Prediction
	total := float32(0)
	for c := range logits {
		p.Probabilities[c] = float32(exp(float64(logits[c] - highest)))
		total += p.Probabilities[c]
	}
	for c := range p.Probabilities {
		p.Probabilities[c] /= total
		if p.Probabilities[c] > p.Probabilities[p.Label] {
			p.Label = int64(c)
		}
	}
	return p
}

// Evaluation compares the network's answers with the true labels.
type Evaluation struct {
	// Rows is the number of flowers, and Correct of how many the species was found.
	Rows, Correct int
	// Confusion counts the flowers by true species (first index) and predicted species (second).
	Confusion [Classes][Classes]int
}

// Accuracy is the share of correct answers, between 0 and 1; 0 for no rows.
func (e Evaluation) Accuracy() float64 {
	if e.Rows == 0 {
		return 0
	}
	return float64(e.Correct) / float64(e.Rows)
}

// Evaluate predicts every row. Rows must come from Load: a label outside the classes panics.
func (n *Network) Evaluate(rows []Row) Evaluation {
	e := Evaluation{Rows: len(rows)}
	for _, row := range rows {
		label := n.Predict(row.Features).Label
		e.Confusion[row.Label][label]++
		if label == row.Label {
			e.Correct++
		}
	}
	return e
}
