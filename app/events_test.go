package app_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/cosmos/gogoproto/proto"
)

var updateEvents = flag.Bool("update-events", false, "write the golden file and the document of events")

// events are the typed events of our modules, from the descriptors that the application registers.
func events(t *testing.T) []protoreflect.MessageDescriptor {
	t.Helper()
	files, err := proto.MergedRegistry()
	require.NoError(t, err)
	var found []protoreflect.MessageDescriptor
	for _, module := range []protoreflect.FullName{
		"opengradient.abci.v1", "opengradient.inference.v1", "opengradient.models.v1", "opengradient.scheduling.v1", "opengradient.verification.v1",
	} {
		before := len(found)
		files.RangeFilesByPackage(module, func(file protoreflect.FileDescriptor) bool {
			for i := range file.Messages().Len() {
				if m := file.Messages().Get(i); strings.HasPrefix(string(m.Name()), "Event") {
					found = append(found, m)
				}
			}
			return true
		})
		require.Greater(t, len(found), before, "events of %s", module)
	}
	slices.SortFunc(found, func(a, b protoreflect.MessageDescriptor) int {
		return strings.Compare(string(a.FullName()), string(b.FullName()))
	})
	return found
}

// form is what the value of an attribute looks like: the JSON of the field.
func form(f protoreflect.FieldDescriptor) string {
	one := map[protoreflect.Kind]string{
		protoreflect.StringKind: `"text"`, protoreflect.BytesKind: `"base64"`, protoreflect.BoolKind: `true`,
		protoreflect.Uint64Kind: `"7"`, protoreflect.Int64Kind: `"7"`, protoreflect.Uint32Kind: `7`, protoreflect.Int32Kind: `7`,
	}[f.Kind()]
	switch f.Kind() {
	case protoreflect.EnumKind:
		one = fmt.Sprintf("%q", f.Enum().Values().Get(min(1, f.Enum().Values().Len()-1)).Name())
	case protoreflect.MessageKind:
		var members []string
		for i := range f.Message().Fields().Len() {
			member := f.Message().Fields().Get(i)
			members = append(members, fmt.Sprintf("%q:%s", member.Name(), form(member)))
		}
		one = "{" + strings.Join(members, ",") + "}"
	}
	if f.IsList() {
		return "[" + one + "]"
	}
	return one
}

// TestEventsAreStable: whoever follows the chain does so by the names of events and of their attributes. One that is
// renamed or removed, or whose value takes another form, breaks them.
func TestEventsAreStable(t *testing.T) {
	var b strings.Builder
	for _, e := range events(t) {
		fmt.Fprintf(&b, "%s\n", e.FullName())
		for i := range e.Fields().Len() {
			f := e.Fields().Get(i)
			fmt.Fprintf(&b, "  %-18s %s\n", f.Name(), form(f))
		}
	}
	path := filepath.Join("testdata", "events.golden")
	if *updateEvents {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	golden, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(golden), b.String(), "run `go test ./app -run Events -update-events` when an event or an attribute is new")
}

// told says when each event is emitted. A block's event is in the results of the block, a transaction's in those of the
// transaction.
var told = map[string]struct{ in, when string }{
	"abci.v1.EventExtensionIgnored":                 {"block", "a vote extension is passed over"},
	"abci.v1.EventInjectionDropped":                 {"block", "the vote extensions of a block are dropped as a whole"},
	"inference.v1.EventRequestSubmitted":            {"transaction", "a request is accepted; that of a schedule's run in the block"},
	"inference.v1.EventRequestAssigned":             {"block", "an attempt begins"},
	"inference.v1.EventRequestRetrying":             {"block", "an attempt ended without a verdict, and another follows"},
	"inference.v1.EventRequestFinalized":            {"block", "the result is final"},
	"inference.v1.EventRequestFailed":               {"block", "a request ends without a result"},
	"inference.v1.EventRequestCancelled":            {"transaction", "the requester takes a queued request back"},
	"inference.v1.EventRequestSettled":              {"block", "everybody is paid and the receipt is sealed"},
	"inference.v1.EventReceiptReused":               {"transaction", "a request is answered by a receipt that was there"},
	"inference.v1.EventScheduleCreated":             {"transaction", "a schedule is created"},
	"inference.v1.EventScheduleChanged":             {"transaction", "a schedule is topped up, paused or resumed"},
	"inference.v1.EventScheduleRun":                 {"block", "a run of a schedule became a request or was missed"},
	"inference.v1.EventScheduleEnded":               {"block", "a schedule is completed; when its owner cancels it in the transaction"},
	"models.v1.EventModelRegistered":                {"transaction", "the file of a version is whole, or a version is registered by reference"},
	"models.v1.EventModelStatus":                    {"block", "the status of a version changes; by a message in the transaction"},
	"models.v1.EventModelProof":                     {"block", "what a node attests of a model is stored"},
	"models.v1.EventClassProven":                    {"block", "an environment class is added to a certificate"},
	"models.v1.EventUploadOpened":                   {"transaction", "an upload begins"},
	"models.v1.EventUploadEnded":                    {"block", "an upload ends without a model; when it is cancelled in the transaction"},
	"models.v1.EventTagSet":                         {"transaction", "a tag is moved or removed; `latest` moves in the block"},
	"models.v1.EventNameTransferred":                {"transaction", "a name has a new owner"},
	"scheduling.v1.EventNodeRegistered":             {"transaction", "a node is registered or updated"},
	"scheduling.v1.EventNodeReadiness":              {"block", "a node turns ready, or no longer is"},
	"scheduling.v1.EventNodeState":                  {"transaction", "a node is paused, resumed or leaves; that it has left in the block"},
	"scheduling.v1.EventLeaderReplaced":             {"block", "an attempt goes on under another leader"},
	"scheduling.v1.EventBasePrice":                  {"block", "the base price changes"},
	"scheduling.v1.EventNodeJailed":                 {"block", "a node is jailed, or for longer"},
	"scheduling.v1.EventNodeUnjailed":               {"transaction", "a jailed node comes back"},
	"scheduling.v1.EventEnvironmentClassRegistered": {"block", "an environment class is seen for the first time"},
	"scheduling.v1.EventAssigned":                   {"block", "an attempt begins, with its deadline and the size of its committee"},
	"verification.v1.EventRoundOpened":              {"block", "a round opens"},
	"verification.v1.EventRoundSealed":              {"block", "a sealed round has its commitments and takes reveals"},
	"verification.v1.EventRoundRevealed":            {"block", "the first outcome of an attempt is known"},
	"verification.v1.EventRoundArbitrating":         {"block", "no outcome wins exactly; outputs are compared"},
	"verification.v1.EventVerdict":                  {"block", "a round has its verdict"},
	"verification.v1.EventFault":                    {"block", "a contradiction is proven"},
	"verification.v1.EventConductJailed":            {"block", "the conduct of an operator sends its node to jail"},
	"verification.v1.EventDivergence":               {"block", "an output that differs from the verdict was compared with it"},
	"verification.v1.EventAttestationIgnored":       {"block", "content of a vote extension is not taken"},
}

const (
	eventsStart = "<!-- events: begin -->\n"
	eventsEnd   = "<!-- events: end -->\n"
)

// TestEventsDocument keeps the document what the descriptors say. Run it with -update-events to write the section.
func TestEventsDocument(t *testing.T) {
	var b strings.Builder
	module := ""
	documented := 0
	for _, e := range events(t) {
		name := strings.TrimPrefix(string(e.FullName()), "opengradient.")
		when, ok := told[name]
		require.True(t, ok, "%s: say in told when it is emitted", name)
		documented++
		if m, _, _ := strings.Cut(name, "."); m != module {
			module = m
			fmt.Fprintf(&b, "\n### %s\n\n| Event `opengradient.%s.v1.…` | In the results of the | When | Attributes, with the form of their values |\n|---|---|---|---|\n", m, m)
		}
		var attributes []string
		for i := range e.Fields().Len() {
			f := e.Fields().Get(i)
			attributes = append(attributes, fmt.Sprintf("`%s` = `%s`", f.Name(), form(f)))
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", e.Name(), when.in, when.when, strings.Join(attributes, ", "))
	}
	require.Len(t, told, documented, "told has an event that is not there")
	b.WriteString("\n")

	path := filepath.Join("..", "docs", "events.md")
	document, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(document), eventsStart)
	got, after, ok2 := strings.Cut(rest, eventsEnd)
	require.True(t, ok && ok2, "%s: expected a section between %q and %q", path, eventsStart, eventsEnd)
	if *updateEvents {
		require.NoError(t, os.WriteFile(path, []byte(before+eventsStart+b.String()+eventsEnd+after), 0o644))
		got = b.String()
	}
	require.Equal(t, b.String(), got, "run `go test ./app -run Events -update-events`")
}
