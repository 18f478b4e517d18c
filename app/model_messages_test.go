package app_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	sdk "github.com/cosmos/cosmos-sdk/types"

	"github.com/opengradient/opengradient/internal/onnxfile"
	"github.com/opengradient/opengradient/testutil/chaintest"
	modelstypes "github.com/opengradient/opengradient/x/models/types"
)

// Names that the signer of samples owns: the first has an admitted version, that of the second was rejected.
const (
	spareName  = "spare"
	brokenName = "broken"
)

// modelSamples are the samples of x/models.
var modelSamples = map[string]func(occasion) []sdk.Msg{
	"/opengradient.models.v1.MsgRegisterModel": func(o occasion) []sdk.Msg { return []sdk.Msg{o.registration()} },
	"/opengradient.models.v1.MsgOpenUpload":    func(o occasion) []sdk.Msg { return []sdk.Msg{o.opening()} },
	"/opengradient.models.v1.MsgUploadChunk": func(o occasion) []sdk.Msg {
		return []sdk.Msg{o.opening(), &modelstypes.MsgUploadChunk{Owner: o.signer.String(), UploadId: o.upload, Data: o.file()}}
	},
	"/opengradient.models.v1.MsgCancelUpload": func(o occasion) []sdk.Msg {
		return []sdk.Msg{o.opening(), &modelstypes.MsgCancelUpload{Owner: o.signer.String(), UploadId: o.upload}}
	},
	"/opengradient.models.v1.MsgRegisterReference": func(o occasion) []sdk.Msg { return []sdk.Msg{o.reference()} },
	"/opengradient.models.v1.MsgRequestAdmission": func(o occasion) []sdk.Msg {
		return []sdk.Msg{&modelstypes.MsgRequestAdmission{Owner: o.signer.String(), Model: brokenName + ":1"}}
	},
	"/opengradient.models.v1.MsgSetStatus": func(o occasion) []sdk.Msg {
		return []sdk.Msg{&modelstypes.MsgSetStatus{Owner: o.signer.String(), Model: spareName, Status: modelstypes.MODEL_STATUS_DEPRECATED}}
	},
	"/opengradient.models.v1.MsgSetTag": func(o occasion) []sdk.Msg {
		return []sdk.Msg{&modelstypes.MsgSetTag{Owner: o.signer.String(), Name: spareName, Tag: "stable", Version: 1}}
	},
	"/opengradient.models.v1.MsgRemoveTag": func(o occasion) []sdk.Msg {
		return []sdk.Msg{
			&modelstypes.MsgSetTag{Owner: o.signer.String(), Name: spareName, Tag: "beta", Version: 1},
			&modelstypes.MsgRemoveTag{Owner: o.signer.String(), Name: spareName, Tag: "beta"},
		}
	},
	"/opengradient.models.v1.MsgTransferName": func(o occasion) []sdk.Msg {
		return []sdk.Msg{o.registration(), &modelstypes.MsgTransferName{
			Owner: o.signer.String(), Name: o.name(), NewOwner: chaintest.AccountOf(9).Address.String(),
		}}
	},
	"/opengradient.models.v1.MsgUpdateParams": func(o occasion) []sdk.Msg {
		params := modelstypes.DefaultParams()
		params.AdmissionBlocks = 201
		return []sdk.Msg{&modelstypes.MsgUpdateParams{Authority: o.signer.String(), Params: params}}
	},
}

func (o occasion) name() string { return fmt.Sprintf("model-%d", o.serial) }

func (o occasion) file() []byte { return linear(float32(o.serial) + 0.5) }

func (o occasion) registration() *modelstypes.MsgRegisterModel {
	msg := chaintest.Registration(o.signer, o.name(), o.file(), 7)
	msg.Manifest.Card, msg.Manifest.License, msg.Manifest.Labels = "# Linear", "mit", []string{"linear"}
	return msg
}

// opening is that of an upload of one chunk.
func (o occasion) opening() *modelstypes.MsgOpenUpload {
	sum := sha256.Sum256(o.file())
	return &modelstypes.MsgOpenUpload{
		Owner: o.signer.String(), Manifest: o.registration().Manifest, Sha256: hex.EncodeToString(sum[:]),
		Size_: uint64(len(o.file())), ChunkHashes: [][]byte{sum[:]},
	}
}

func (o occasion) reference() *modelstypes.MsgRegisterReference {
	report, err := onnxfile.Inspect(o.file(), onnxfile.DefaultLimits)
	if err != nil {
		panic(err)
	}
	opening := o.opening()
	return &modelstypes.MsgRegisterReference{
		Owner: opening.Owner, Manifest: opening.Manifest, Sha256: opening.Sha256, Size_: opening.Size_,
		Sources: []string{"https://models.example/linear.onnx"}, Inspection: modelstypes.NewInspection(report),
	}
}
