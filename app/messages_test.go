package app_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	protov2 "google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"cosmossdk.io/api/amino"
	sdkmath "cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/x/tx/signing/aminojson"
	"github.com/cosmos/gogoproto/proto"

	"github.com/opengradient/opengradient/testutil/chaintest"
	inferencetypes "github.com/opengradient/opengradient/x/inference/types"
	schedulingtypes "github.com/opengradient/opengradient/x/scheduling/types"
	verificationtypes "github.com/opengradient/opengradient/x/verification/types"
)

// occasion is what a sample message is made for.
type occasion struct {
	signer sdk.AccAddress
	// request is the id of the next request.
	request uint64
	// schedule is the id of the next schedule.
	schedule uint64
	// upload is the id of the next upload.
	upload uint64
	// serial differs between the samples of one chain.
	serial int
}

// samples make one message of every type that the chain's own modules define, by type URL. The message is the last of
// the list; those before it are what it needs in order to succeed. The signer operates a validator whose node
// is jailed, and is the authority.
var samples = merged(map[string]func(occasion) []sdk.Msg{
	"/opengradient.inference.v1.MsgSubmitRequests": func(o occasion) []sdk.Msg {
		msg := submission(o.signer, 3)
		msg.Outputs = []string{"y"}
		return []sdk.Msg{msg}
	},
	"/opengradient.inference.v1.MsgCancelRequest": func(o occasion) []sdk.Msg {
		return []sdk.Msg{
			submission(o.signer, 1),
			&inferencetypes.MsgCancelRequest{Requester: o.signer.String(), Id: o.request},
		}
	},
	"/opengradient.inference.v1.MsgUpdateParams": func(o occasion) []sdk.Msg {
		params := inferencetypes.DefaultParams()
		params.ReusePrice = 2_001
		return []sdk.Msg{&inferencetypes.MsgUpdateParams{Authority: o.signer.String(), Params: params}}
	},
	"/opengradient.scheduling.v1.MsgRegisterNode": func(o occasion) []sdk.Msg {
		return []sdk.Msg{registerNode(o)}
	},
	"/opengradient.inference.v1.MsgCreateSchedule": func(o occasion) []sdk.Msg { return []sdk.Msg{scheduleOf(o)} },
	"/opengradient.inference.v1.MsgTopUpSchedule": func(o occasion) []sdk.Msg {
		return []sdk.Msg{scheduleOf(o), &inferencetypes.MsgTopUpSchedule{
			Owner: o.signer.String(), Id: o.schedule, Deposit: sdkmath.NewInt(5_000), Count: 2,
		}}
	},
	"/opengradient.inference.v1.MsgPauseSchedule": func(o occasion) []sdk.Msg {
		return []sdk.Msg{scheduleOf(o), &inferencetypes.MsgPauseSchedule{Owner: o.signer.String(), Id: o.schedule}}
	},
	"/opengradient.inference.v1.MsgResumeSchedule": func(o occasion) []sdk.Msg {
		return []sdk.Msg{
			scheduleOf(o), &inferencetypes.MsgPauseSchedule{Owner: o.signer.String(), Id: o.schedule},
			&inferencetypes.MsgResumeSchedule{Owner: o.signer.String(), Id: o.schedule},
		}
	},
	"/opengradient.inference.v1.MsgCancelSchedule": func(o occasion) []sdk.Msg {
		return []sdk.Msg{scheduleOf(o), &inferencetypes.MsgCancelSchedule{Owner: o.signer.String(), Id: o.schedule}}
	},
	"/opengradient.scheduling.v1.MsgPauseNode": func(o occasion) []sdk.Msg {
		// The messages are executed in the order of their names: the node has left by now.
		return []sdk.Msg{registerNode(o), &schedulingtypes.MsgPauseNode{Operator: sdk.ValAddress(o.signer).String()}}
	},
	"/opengradient.scheduling.v1.MsgResumeNode": func(o occasion) []sdk.Msg {
		return []sdk.Msg{&schedulingtypes.MsgResumeNode{Operator: sdk.ValAddress(o.signer).String()}}
	},
	"/opengradient.scheduling.v1.MsgLeaveNode": func(o occasion) []sdk.Msg {
		return []sdk.Msg{&schedulingtypes.MsgLeaveNode{Operator: sdk.ValAddress(o.signer).String()}}
	},
	"/opengradient.scheduling.v1.MsgUnjailNode": func(o occasion) []sdk.Msg {
		return []sdk.Msg{&schedulingtypes.MsgUnjailNode{Operator: sdk.ValAddress(o.signer).String()}}
	},
	"/opengradient.scheduling.v1.MsgUpdateParams": func(o occasion) []sdk.Msg {
		params := schedulingtypes.DefaultParams()
		params.AttemptBlocks = 12
		return []sdk.Msg{&schedulingtypes.MsgUpdateParams{Authority: o.signer.String(), Params: params}}
	},
	"/opengradient.verification.v1.MsgUpdateParams": func(o occasion) []sdk.Msg {
		params := verificationtypes.DefaultParams()
		params.SettleBlocks = 4
		return []sdk.Msg{&verificationtypes.MsgUpdateParams{Authority: o.signer.String(), Params: params}}
	},
}, modelSamples)

func merged(lists ...map[string]func(occasion) []sdk.Msg) map[string]func(occasion) []sdk.Msg {
	all := make(map[string]func(occasion) []sdk.Msg)
	for _, list := range lists {
		maps.Copy(all, list)
	}
	return all
}

// scheduleOf makes a schedule whose first run comes at once.
func scheduleOf(o occasion) *inferencetypes.MsgCreateSchedule {
	return &inferencetypes.MsgCreateSchedule{
		Owner: o.signer.String(), Model: "linear", Inputs: submission(o.signer, 1).Requests[0].Inputs, Outputs: []string{"y"},
		Tier: inferencetypes.TIER_QUORUM, MaxFee: sdkmath.NewInt(10_000), Every: 10_000, Count: 3, Deposit: sdkmath.NewInt(30_000),
	}
}

func registerNode(o occasion) *schedulingtypes.MsgRegisterNode {
	return &schedulingtypes.MsgRegisterNode{
		Operator: sdk.ValAddress(o.signer).String(), Capacity: 5_000, MemoryBytes: 1 << 30, Hardware: "2 cores",
		TaskClasses: []schedulingtypes.TaskClass{schedulingtypes.TASK_CLASS_CLASSIFICATION, schedulingtypes.TASK_CLASS_RANKING},
	}
}

func sampledURLs() []string { return slices.Sorted(maps.Keys(samples)) }

// TestEveryMessageIsSampled fails when a module has a message that the tests of signing do not know.
func TestEveryMessageIsSampled(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	var own []string
	for _, url := range c.App.EncodingConfig().InterfaceRegistry.ListImplementations(sdk.MsgInterfaceProtoName) {
		if strings.HasPrefix(url, "/opengradient.") {
			own = append(own, url)
		}
	}
	slices.Sort(own)
	require.Equal(t, own, sampledURLs(), "every message of the chain's own modules needs an entry in samples")
	for url, sample := range samples {
		msgs := sample(occasion{signer: c.Accounts[0].Address, request: 1, schedule: 1})
		require.Equal(t, url, sdk.MsgTypeURL(msgs[len(msgs)-1]))
	}
}

// TestAminoNames checks that every message can be signed in amino JSON under a name of its own.
func TestAminoNames(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	seen := map[string]string{}
	for _, url := range sampledURLs() {
		options := descriptor(t, c, url).Options()
		require.True(t, protov2.HasExtension(options, amino.E_Name), "%s has no amino.name", url)
		name := protov2.GetExtension(options, amino.E_Name).(string)
		require.True(t, strings.HasPrefix(name, "opengradient/"), "%s: amino name %q", url, name)
		// Names of more than 39 characters do not fit on the screens of hardware wallets.
		require.Less(t, len(name), 40, "%s: amino name %q", url, name)
		require.Empty(t, seen[name], "amino name %q occurs twice", name)
		seen[name] = url
	}
}

// TestAminoJSONAgreesWithLegacyAmino checks the sign bytes against a second implementation: clients that sign through
// the amino codec and nodes that check through descriptors must write the same JSON.
func TestAminoJSONAgreesWithLegacyAmino(t *testing.T) {
	c := chaintest.New(t, chaintest.Options{})
	legacy := c.App.EncodingConfig().Amino
	encoder := aminojson.NewEncoder(aminojson.EncoderOptions{FileResolver: c.App.EncodingConfig().InterfaceRegistry})
	check := func(t *testing.T, msg sdk.Msg) {
		t.Helper()
		old, err := legacy.MarshalJSON(msg)
		require.NoError(t, err)
		raw, err := proto.Marshal(msg)
		require.NoError(t, err)
		dynamic := dynamicpb.NewMessage(descriptor(t, c, sdk.MsgTypeURL(msg)))
		require.NoError(t, protov2.Unmarshal(raw, dynamic))
		current, err := encoder.Marshal(dynamic)
		require.NoError(t, err)
		require.Equal(t, sortedJSON(t, old), string(current))
	}
	for _, url := range sampledURLs() {
		t.Run(url+" filled", func(t *testing.T) {
			msgs := samples[url](occasion{signer: c.Accounts[0].Address, request: 1 << 60, schedule: 1 << 59, serial: 1})
			check(t, msgs[len(msgs)-1])
		})
		t.Run(url+" empty", func(t *testing.T) {
			msg, err := c.App.EncodingConfig().InterfaceRegistry.Resolve(url)
			require.NoError(t, err)
			setDecimals(msg)
			check(t, msg)
		})
	}
}

// setDecimals gives the decimals of an empty message a value: there is no text for a decimal that is not set, and no
// client can sign one.
func setDecimals(msg proto.Message) {
	if m, ok := msg.(*verificationtypes.MsgUpdateParams); ok {
		zero := sdkmath.LegacyZeroDec()
		m.Params.SlashFraction = zero
		m.Params.Tolerances = verificationtypes.Tolerances{Fp16: zero, Bf16: zero, Fp32: zero, Fp64: zero}
	}
}

func descriptor(t *testing.T, c *chaintest.Chain, url string) protoreflect.MessageDescriptor {
	t.Helper()
	d, err := c.App.EncodingConfig().InterfaceRegistry.FindDescriptorByName(protoreflect.FullName(strings.TrimPrefix(url, "/")))
	require.NoError(t, err)
	return d.(protoreflect.MessageDescriptor)
}

// sortedJSON writes JSON again with the keys of every object sorted.
func sortedJSON(t *testing.T, raw []byte) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal(raw, &v))
	sorted, err := json.Marshal(v)
	require.NoError(t, err)
	return string(sorted)
}
