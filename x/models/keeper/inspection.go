package keeper

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/x/models/types"
)

const (
	// maxInspections bounds the files that are inspected in one block, whatever their size.
	maxInspections = 64
	// maxDetailBytes is the longest detail of a verdict.
	maxDetailBytes = 512
)

// inspectNext works off the queue of inspections: it adds to the credit while something waits, and inspects the first of
// the queue once the credit covers its size and there is a place among the open admissions. What one file leaves serves
// the next. The credit never exceeds the size of the first.
func (k Keeper) inspectNext(ctx sdk.Context) error {
	file, id, waits, err := k.firstInspection(ctx)
	if err != nil {
		return err
	}
	if !waits {
		return nil
	}
	params, err := k.params(ctx)
	if err != nil {
		return err
	}
	credit, err := number(ctx, k.InspectionCredit)
	if err != nil {
		return err
	}
	credit += params.InspectionBytesPerBlock
	for range maxInspections {
		m, err := k.Get(ctx, id)
		if err != nil {
			return err
		}
		open, err := number(ctx, k.OpenAdmissions)
		if err != nil {
			return err
		}
		if credit < m.Size_ || open >= uint64(params.MaxAdmissions) {
			break
		}
		credit -= m.Size_
		if err := k.Inspections.Remove(ctx, file); err != nil {
			return err
		}
		if err := k.inspectFile(ctx, params, id, m); err != nil {
			return err
		}
		if file, id, waits, err = k.firstInspection(ctx); err != nil {
			return err
		}
		if !waits {
			return k.InspectionCredit.Set(ctx, 0)
		}
	}
	m, err := k.Get(ctx, id)
	if err != nil {
		return err
	}
	return k.InspectionCredit.Set(ctx, min(credit, m.Size_))
}

func (k Keeper) firstInspection(ctx context.Context) (file uint64, id []byte, found bool, err error) {
	err = k.Inspections.Walk(ctx, nil, func(f uint64, model []byte) (bool, error) {
		file, id, found = f, model, true
		return true, nil
	})
	return file, id, found, err
}

// inspectFile reads the file of a model and opens its admission, or rejects it. Whatever is wrong with one file, the queue
// goes on.
func (k Keeper) inspectFile(ctx sdk.Context, params types.Params, id []byte, m types.Model) error {
	golden, err := k.Golden(ctx, id)
	if err != nil {
		return err
	}
	file, err := k.File(ctx, m)
	if err != nil {
		return k.refuse(ctx, id, m, "the file cannot be read")
	}
	if sum := sha256.Sum256(file); !bytes.Equal(sum[:], id) {
		return k.refuse(ctx, id, m, fmt.Sprintf("expected a file with sha256 %x, got %x", id, sum))
	}
	inspected := m
	if err := inspectSafely(&inspected, file, golden); err != nil {
		return k.refuse(ctx, id, m, err.Error())
	}
	return k.openAdmission(ctx, params, id, &inspected)
}

// inspectSafely inspects a file at the end of a block, where no transaction is there to fail: a fault of the inspection must
// cost the file and not the chain.
func inspectSafely(m *types.Model, file []byte, golden types.Golden) (err error) {
	defer func() {
		if recover() != nil {
			err = errPanic
		}
	}()
	return inspect(m, file, golden)
}

// refuse ends the life of a file that is not what it should be: its chunks are dropped.
func (k Keeper) refuse(ctx sdk.Context, id []byte, m types.Model, detail string) error {
	m.Verdict = types.Verdict{Reason: types.ReasonRefused, Detail: cut(detail), Height: ctx.BlockHeight()}
	if err := k.move(ctx, id, &m, types.MODEL_STATUS_REJECTED); err != nil {
		return err
	}
	return k.drop(ctx, m.File)
}

// cut bounds a detail, at the end of a character.
func cut(detail string) string {
	if len(detail) > maxDetailBytes {
		detail = detail[:maxDetailBytes]
	}
	return strings.ToValidUTF8(detail, "")
}
