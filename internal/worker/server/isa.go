package server

import (
	"runtime"

	"golang.org/x/sys/cpu"

	"github.com/opengradient/opengradient/internal/worker/wire"
)

// ISA is the ISA class of this machine.
func ISA() string {
	x := cpu.X86
	return classifyISA(runtime.GOARCH, features{
		sse:     x.HasSSE41,
		avx:     x.HasAVX,
		avx2:    x.HasAVX2 && x.HasFMA,
		avx512:  x.HasAVX512F && x.HasAVX512BW && x.HasAVX512DQ && x.HasAVX512VL,
		vnni:    x.HasAVX512VNNI,
		avxVNNI: x.HasAVXVNNI,
	})
}

// features are the groups of instructions by which the runtime chooses its kernels.
type features struct {
	sse, avx, avx2, avx512, vnni, avxVNNI bool
}

// classifyISA names the class of the widest kernels the runtime uses on such a processor. A class holds machines that
// agree bit by bit, so combinations outside the usual order are "other": AVX2 with VNNI but without AVX-512 has the
// float kernels of one class and the integer kernels of another.
func classifyISA(arch string, f features) string {
	if arch == "arm64" {
		return wire.ISAARM64
	}
	if arch != "amd64" {
		return wire.ISAOther
	}
	switch {
	case f.avx512 && f.avx2 && f.vnni:
		return wire.ISAVNNI
	case f.vnni || f.avxVNNI:
		return wire.ISAOther
	case f.avx512 && f.avx2:
		return wire.ISAAVX512
	case f.avx2:
		return wire.ISAAVX2
	case f.avx:
		return wire.ISAAVX
	case f.sse:
		return wire.ISASSE
	}
	return wire.ISAOther
}
