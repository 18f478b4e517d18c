package service

import (
	"strconv"
	"strings"
	"time"

	"github.com/opengradient/opengradient/internal/gateway/chain"
	"github.com/opengradient/opengradient/internal/gateway/jobs"
)

// Parameters are the parameters of a request in either protocol. given is false for one that is absent.
type Parameters interface {
	Text(name string) (value string, given bool, err error)
	Bool(name string) (value, given bool, err error)
	Uint(name string) (value uint64, given bool, err error)
}

// Options are what a request's parameters say beside the tensors.
type Options struct {
	// Async asks for an answer as soon as the job is on disk.
	Async bool
	// Timeout is how long the client waits at most; 0 leaves it to the gateway.
	Timeout time.Duration
}

// The parameters of a request that the gateway reads. Others are ignored.
const (
	ParamTier           = "tier"            // quorum or committee
	ParamSealed         = "sealed"          // true or false
	ParamFeeClass       = "fee_class"       // standard, economy or priority
	ParamMaxFee         = "max_fee"         // an integer in uopg, or a text such as 5000uopg
	ParamIdempotencyKey = "idempotency_key" // at most 255 bytes
	ParamReuseBlocks    = "reuse_blocks"    // an integer
	ParamAsync          = "async"           // true or false
	ParamTimeout        = "timeout"         // an integer, microseconds, as Triton has it
)

const denom = "uopg"

// readOptions writes what the parameters say into a request.
func readOptions(p Parameters, ask *jobs.Ask) (Options, error) {
	var o Options
	if err := word(p, ParamTier, &ask.Tier, "quorum", "committee"); err != nil {
		return o, err
	}
	if err := word(p, ParamFeeClass, &ask.FeeClass, "standard", "economy", "priority"); err != nil {
		return o, err
	}
	sealed, given, err := p.Bool(ParamSealed)
	if err != nil {
		return o, err
	}
	if given {
		ask.Sealing = "open"
		if sealed {
			ask.Sealing = "sealed"
		}
	}
	if ask.MaxFee, err = maxFee(p); err != nil {
		return o, err
	}
	if key, given, err := p.Text(ParamIdempotencyKey); err != nil {
		return o, err
	} else if given {
		if key == "" {
			return o, &chain.InvalidError{Field: "parameters." + ParamIdempotencyKey, Expected: "at least 1 byte", Got: "none"}
		}
		ask.IdempotencyKey = key
	}
	blocks, _, err := p.Uint(ParamReuseBlocks)
	if err != nil {
		return o, err
	}
	if blocks > 1<<32-1 {
		return o, &chain.InvalidError{Field: "parameters." + ParamReuseBlocks, Expected: "at most 4294967295", Got: strconv.FormatUint(blocks, 10)}
	}
	ask.ReuseBlocks = uint32(blocks)
	if o.Async, _, err = p.Bool(ParamAsync); err != nil {
		return o, err
	}
	micros, _, err := p.Uint(ParamTimeout)
	if err != nil {
		return o, err
	}
	o.Timeout = time.Duration(min(micros, uint64(24*time.Hour/time.Microsecond))) * time.Microsecond
	return o, nil
}

// word reads one of several words.
func word(p Parameters, name string, into *string, words ...string) error {
	value, given, err := p.Text(name)
	if err != nil || !given {
		return err
	}
	for _, w := range words {
		if strings.EqualFold(value, w) {
			*into = w
			return nil
		}
	}
	return &chain.InvalidError{
		Field: "parameters." + name, Expected: strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1],
		Got: strconv.Quote(value[:min(len(value), 40)]),
	}
}

// maxFee reads an amount as a number, or as a text with or without its unit.
func maxFee(p Parameters) (uint64, error) {
	amount, given, err := p.Uint(ParamMaxFee)
	if err != nil {
		text, isText, textErr := p.Text(ParamMaxFee)
		if textErr != nil || !isText {
			return 0, err
		}
		if amount, err = strconv.ParseUint(strings.TrimSuffix(text, denom), 10, 64); err != nil {
			return 0, &chain.InvalidError{Field: "parameters." + ParamMaxFee, Expected: "an amount such as 5000" + denom, Got: strconv.Quote(text[:min(len(text), 40)])}
		}
		given = true
	}
	if given && amount == 0 {
		return 0, &chain.InvalidError{Field: "parameters." + ParamMaxFee, Expected: "at least 1" + denom, Got: "0" + denom}
	}
	return amount, nil
}
