package keeper

import (
	"cosmossdk.io/math"
	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

func emitRegistered(ctx sdk.Context, m types.Model, owner string) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventModelRegistered{Sha256: m.Sha256, Name: m.Name, Version: m.Version, Owner: owner})
}

func emitStatus(ctx sdk.Context, m types.Model) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventModelStatus{
		Sha256: m.Sha256, Name: m.Name, Version: m.Version, Status: m.Status, Reason: m.Verdict.Reason, Detail: m.Verdict.Detail,
	})
}

func emitProof(ctx sdk.Context, m types.Model, p types.NodeProof) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventModelProof{
		Sha256: m.Sha256, Operator: p.Operator, EnvironmentClass: p.EnvironmentClass, OutputRoot: p.OutputRoot, Failure: p.Failure,
	})
}

func emitClassProven(ctx sdk.Context, model string, p types.ClassProof) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventClassProven{
		Sha256: model, EnvironmentClass: p.EnvironmentClass, OutputRoot: p.OutputRoot,
	})
}

func emitUploadOpened(ctx sdk.Context, u types.Upload) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventUploadOpened{
		UploadId: u.Id, Owner: u.Owner, Name: u.Manifest.Name, Sha256: u.Sha256, Size_: u.Size_,
	})
}

func emitUploadEnded(ctx sdk.Context, id uint64, reason string, refunded, burned math.Int) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventUploadEnded{
		UploadId: id, Reason: reason, Refunded: refunded.String(), Burned: burned.String(),
	})
}

func emitTagSet(ctx sdk.Context, name, tag string, version uint32) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventTagSet{Name: name, Tag: tag, Version: version})
}

func emitTransferred(ctx sdk.Context, name, owner, newOwner string) error {
	return ctx.EventManager().EmitTypedEvent(&types.EventNameTransferred{Name: name, Owner: owner, NewOwner: newOwner})
}
