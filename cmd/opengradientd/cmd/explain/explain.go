// Package explain says what can be done about an error of a command: it adds a sentence to the errors that people meet when they
// begin. Errors come from nodes as texts, so most are known by what their texts are sure to hold.
package explain

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
)

// Situation is what a command was asked to do, as far as errors are explained by it. Every field may be empty.
type Situation struct {
	Node    string // address of the RPC
	GRPC    string // address of the gRPC server, where it is asked instead
	ChainID string
	From    string // key that signs
	Keyring string // backend of the keyring
	Model   string // reference to a model
	// Keys and Models list what there is; nil when that cannot be known. They are called when they are needed.
	Keys, Models func() []string
}

// Error is an error with what can be done about it.
type Error struct {
	Err  error
	Hint string
}

// place is where in its source a library made an error, which some of them put into the text.
var place = regexp.MustCompile(` \[[^\s\]]+\.go:[0-9]+\]`)

// Error implements error.
func (e *Error) Error() string { return plain(e.Err.Error()) + "\n" + e.Hint }

// Unwrap gives the error alone.
func (e *Error) Unwrap() error { return e.Err }

// plain is the text of an error as people should see it: without places in a source, and without what moves a terminal, which a
// node may have put into it.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, place.ReplaceAllString(text, ""))
}

// Text is an error with its hint, for people; for programs it is one document in JSON.
func Text(err error, asJSON bool) string {
	text, hint := plain(err.Error()), ""
	var e *Error
	if errors.As(err, &e) {
		hint = e.Hint
	}
	if !asJSON {
		return text
	}
	document, failed := json.Marshal(struct {
		Error string `json:"error"`
		Hint  string `json:"hint,omitempty"`
	}{strings.TrimSuffix(text, "\n"+hint), hint})
	if failed != nil {
		return text
	}
	return string(document)
}

// Wrap adds to an error what can be done about it, where that is known.
func Wrap(err error, s Situation) error {
	var explained *Error
	if err == nil || errors.As(err, &explained) {
		return err
	}
	if hint := Hint(err, s); hint != "" {
		return &Error{Err: err, Hint: hint}
	}
	return err
}

// Hint says what can be done about an error; empty when that is not known.
func Hint(err error, s Situation) string {
	if err == nil {
		return ""
	}
	f := finding{err: err, text: err.Error(), situation: s}
	for _, rule := range rules {
		if rule.is(f) {
			return rule.hint(f)
		}
	}
	return ""
}

// finding is an error with its circumstances.
type finding struct {
	err       error
	text      string
	situation Situation
}

// says tells whether the text holds one of some parts.
func (f finding) says(parts ...string) bool {
	return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(f.text, part) })
}

// means tells whether the error is a registered one, as itself or as a node words it.
func (f finding) means(registered ...error) bool {
	return slices.ContainsFunc(registered, func(e error) bool {
		return errors.Is(f.err, e) || strings.Contains(f.text, e.Error())
	})
}

// unreachable is an error of the connection. An error of a file, and a deadline, are a net.Error as well: they are not meant.
func (f finding) unreachable() bool {
	if op := f.operation(); op != nil {
		return op.Op != "listen"
	}
	return errors.As(f.err, new(*net.DNSError)) || status.Code(f.err) == codes.Unavailable ||
		f.says("connection refused", "no such host", "network is unreachable", "connection reset by peer", "error reading server preface")
}

// operation is what was tried on the network; nil when the error is none of it.
func (f finding) operation() *net.OpError {
	var op *net.OpError
	_ = errors.As(f.err, &op)
	return op
}

type rule struct {
	is   func(finding) bool
	hint func(finding) string
}

// rules are tried in order.
var rules = []rule{
	{finding.unreachable, unreachable},
	{func(f finding) bool { return f.means(modelstypes.ErrModelNotFound, modelstypes.ErrNameNotFound) }, unknownModel},
	{func(f finding) bool { return f.says(".info: key not found", "key with address ") }, unknownKey},
	{
		func(f finding) bool {
			return f.says("incorrect passphrase", "too many failed passphrase attempts", "invalid account password", "failed to read passphrase",
				"no key could be found for keyring", "The name is not activatable", "org.freedesktop.secrets")
		},
		func(f finding) string {
			return "The keyring" + f.backend() + " is locked. Give its passphrase on a terminal or on standard input, or name another keyring with --keyring-backend."
		},
	},
	{
		func(f finding) bool {
			return f.means(inferencetypes.ErrModelNotUsable) || f.says("a model that is active or deprecated")
		},
		func(f finding) string {
			return fmt.Sprintf("\"opengradientd model show %s\" tells its status and why; another version may take requests.", f.model())
		},
	},
	{func(f finding) bool { return f.means(inferencetypes.ErrMaxFee) }, maxFee},
	{
		func(f finding) bool { return f.means(inferencetypes.ErrIdempotencyContent) },
		func(finding) string {
			return "A key belongs to one request for as long as the chain remembers it. Give another --idempotency-key, or the request that the key was used with."
		},
	},
	{
		func(f finding) bool { return f.means(schedulingtypes.ErrQueueFull, schedulingtypes.ErrNoDeadlineSlot) },
		func(finding) string {
			return "The network has more work than it can begin. Try again in some blocks; \"opengradientd query scheduling market\" shows what waits."
		},
	},
	{
		func(f finding) bool {
			return f.means(inferencetypes.ErrEligiblePower) || f.says("of all power can run now")
		},
		func(finding) string {
			return "Too few validators have the model ready. Try again in some blocks; \"opengradientd query scheduling nodes\" shows who takes part."
		},
	},
	{
		func(f finding) bool {
			return f.says("expected the chain ") || f.means(sdkerrors.ErrUnauthorized) && f.says("chain-id", "chain id") || f.says("chain id required")
		},
		wrongChain,
	},
	{
		func(f finding) bool {
			return f.means(sdkerrors.ErrInsufficientFunds) || strings.HasPrefix(f.text, "balance") || f.says("balance: expected", "spendable balance")
		},
		insufficientFunds,
	},
	{
		func(f finding) bool {
			return f.says("expected one that has received coins") || accountMissing.MatchString(f.text)
		},
		func(f finding) string {
			return "An account exists once it has received coins. Send some to it, or pay from another key with --from."
		},
	},
	{
		func(f finding) bool { return f.means(sdkerrors.ErrInsufficientFee) },
		func(finding) string { return "The node takes no less for gas: give a higher --gas-prices." },
	},
	{
		func(f finding) bool { return f.means(sdkerrors.ErrOutOfGas) },
		func(finding) string { return "The limit of gas was too low: give a higher --gas-adjustment." },
	},
	{
		func(f finding) bool { return f.means(sdkerrors.ErrWrongSequence) },
		func(finding) string {
			return "Another transaction of the account is under way: try again after the next block."
		},
	},
}

var accountMissing = regexp.MustCompile(`account og1[0-9a-z]+ (not found|does not exist)`)

func unreachable(f finding) string {
	flag, address := "--node", f.situation.Node
	if f.situation.GRPC != "" {
		flag, address = "--grpc-addr", f.situation.GRPC
	}
	if op := f.operation(); op != nil && op.Addr != nil && address != "" && !strings.HasSuffix(address, portOf(op.Addr.String())) {
		return fmt.Sprintf("Nothing answers at %s. Check the address, and that it runs.", op.Addr)
	}
	if address == "" {
		return "The node does not answer. Check its address and that it runs."
	}
	return fmt.Sprintf("No node answers at %s. Start one, or give the address of another with %s; node in config/client.toml of the home folder keeps it.", address, flag)
}

// portOf is the port of an address, with its colon.
func portOf(address string) string { return address[max(strings.LastIndexByte(address, ':'), 0):] }

func (f finding) backend() string {
	if f.situation.Keyring == "" {
		return ""
	}
	return fmt.Sprintf(" (backend %s)", f.situation.Keyring)
}

func (f finding) model() string {
	if f.situation.Model == "" {
		return "MODEL"
	}
	return f.situation.Model
}

func unknownKey(f finding) string {
	what := "that key"
	if f.situation.From != "" {
		what = fmt.Sprintf("a key %q", f.situation.From)
	}
	has := ""
	if f.situation.Keys != nil {
		switch names := f.situation.Keys(); {
		case len(names) == 0:
			has = ": it is empty"
		default:
			has = ": it has " + few(names)
		}
	}
	return fmt.Sprintf("The keyring%s does not have %s%s. \"opengradientd keys list\" shows the keys and \"opengradientd keys add NAME\" makes one; --keyring-backend and --home name another keyring.",
		f.backend(), what, has)
}

// few writes some names.
func few(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

func unknownModel(f finding) string {
	if f.situation.Models != nil && f.situation.Model != "" {
		names := f.situation.Models()
		if name, _, _ := strings.Cut(f.situation.Model, ":"); slices.Contains(names, name) {
			return fmt.Sprintf("The chain has %s, but not that version or tag of it: \"opengradientd query models versions %s\" shows which there are. A new model has no tag until it is admitted.", name, name)
		}
		if near := Near(f.situation.Model, names); len(near) > 0 {
			return fmt.Sprintf("Did you mean %s? \"opengradientd model list --all\" shows all models.", strings.Join(near, " or "))
		}
	}
	return "\"opengradientd model list --all\" shows the models of the chain."
}

var atLeast = regexp.MustCompile(`expected at least ([0-9]+uopg)`)

func maxFee(f finding) string {
	if found := atLeast.FindStringSubmatch(f.text); found != nil {
		return fmt.Sprintf("Give --max-fee %s or more, or leave the flag out to pay what the chain asks.", found[1])
	}
	return "Give a higher --max-fee, or leave the flag out to pay what the chain asks."
}

var otherChain = regexp.MustCompile(`expected the chain "([^"]*)", got "([^"]*)"`)

func wrongChain(f finding) string {
	if found := otherChain.FindStringSubmatch(f.text); found != nil {
		return fmt.Sprintf("Give --chain-id %s, or the --node of a node of %s; chain-id in config/client.toml of the home folder keeps it.", found[2], found[1])
	}
	if f.situation.ChainID != "" {
		return fmt.Sprintf("The transaction was signed for chain %q. \"opengradientd status\" shows the chain of the node: give it with --chain-id.", f.situation.ChainID)
	}
	return "Give the chain of the node with --chain-id; \"opengradientd status\" shows it."
}

var (
	spendable = regexp.MustCompile(`spendable balance (\S*) is smaller than (\S+?)[:.,]?(\s|$)`)
	needs     = regexp.MustCompile(`expected at least (\S+).* got (\S+)`)
)

func insufficientFunds(f finding) string {
	need, have := "", ""
	if found := spendable.FindStringSubmatch(f.text); found != nil {
		need, have = found[2], found[1]
	} else if found := needs.FindStringSubmatch(f.text); found != nil {
		need, have = found[1], found[2]
	}
	account := "The account"
	if f.situation.From != "" {
		account = fmt.Sprintf("The account of %s", f.situation.From)
	}
	if need == "" {
		return account + " has too little. Send coins to it, or pay from another key with --from."
	}
	if have == "" {
		have = "nothing"
	}
	return fmt.Sprintf("%s needs %s and has %s. Send coins to it, or pay from another key with --from.", account, need, have)
}
