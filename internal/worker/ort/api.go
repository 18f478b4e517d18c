package ort

/*
#cgo linux LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

// The runtime publishes its functions as one table that only ever grows at its end. These are positions in its first,
// frozen version.
enum {
	og_get_error_message = 2,
	og_create_tensor_with_data = 49,
	og_create_cpu_memory_info = 69,
	og_release_status = 93,
	og_release_memory_info = 94,
	og_release_value = 96,
};

typedef void *og_function;

typedef struct {
	const og_function *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
} og_api_base;

// og_open finds the table of a library that is loaded already. The handle must be closed.
static const og_function *og_open(const char *path, void **handle) {
	*handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	if (!*handle) return NULL;
	const og_api_base *(*base)(void) = (const og_api_base *(*)(void))dlsym(*handle, "OrtGetApiBase");
	return base ? base()->get_api(1) : NULL;
}

static void og_close(void *handle) {
	dlclose(handle);
}

static const char *og_message(const og_function *api, void *status) {
	return ((const char *(*)(const void *))api[og_get_error_message])(status);
}

static void og_release(const og_function *api, int slot, void *object) {
	((void (*)(void *))api[slot])(object);
}

// 0, 0: device allocator, default memory type.
static void *og_memory_info(const og_function *api, void **out) {
	return ((void *(*)(int, int, void **))api[og_create_cpu_memory_info])(0, 0, out);
}

static void *og_tensor(const og_function *api, const void *info, void *data, size_t size, const int64_t *shape,
		size_t rank, int datatype, void **out) {
	typedef void *(*create)(const void *, void *, size_t, const int64_t *, size_t, int, void **);
	return ((create)api[og_create_tensor_with_data])(info, data, size, shape, rank, datatype, out);
}

static void *og_allocate(size_t size) {
	void *p = NULL;
	return posix_memalign(&p, 64, size) == 0 ? p : NULL;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/opengradient/opengradient/internal/worker/backend"
)

// api reaches the runtime beside the binding, for what the binding cannot make: scalars of 16-bit floats, tensors
// without elements, and tensors over memory that the garbage collector does not own.
type api struct {
	handle unsafe.Pointer
	table  *C.og_function
	memory unsafe.Pointer // OrtMemoryInfo
}

// openAPI finds the functions of the library the binding has loaded from path.
func openAPI(path string) (*api, error) {
	if err := checkBinding(); err != nil {
		return nil, err
	}
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	a := &api{}
	a.table = C.og_open(cPath, &a.handle)
	if a.table == nil {
		a.close()
		return nil, errors.New("the library does not offer the runtime's functions")
	}
	if err := a.check(C.og_memory_info(a.table, &a.memory)); err != nil {
		a.close()
		return nil, fmt.Errorf("memory description: %w", err)
	}
	return a, nil
}

func (a *api) close() {
	if a.memory != nil {
		C.og_release(a.table, C.og_release_memory_info, a.memory)
		a.memory = nil
	}
	if a.handle != nil {
		C.og_close(a.handle)
		a.handle = nil
	}
}

// check turns a status into an error, and releases it.
func (a *api) check(status unsafe.Pointer) error {
	if status == nil {
		return nil
	}
	defer C.og_release(a.table, C.og_release_status, status)
	return errors.New(C.GoString(C.og_message(a.table, status)))
}

// buffer is memory of the C heap, aligned to 64 bytes and zeroed. It is nil for no bytes.
type buffer struct {
	start unsafe.Pointer
	size  int
}

func allocate(size int) (buffer, error) {
	// One byte at least: the runtime wants an address even for a tensor without elements.
	b := buffer{start: C.og_allocate(C.size_t(max(size, 1))), size: size}
	if b.start == nil {
		return buffer{}, fmt.Errorf("%w: allocating %d bytes for a tensor", backend.ErrMemory, size)
	}
	clear(b.bytes())
	return b, nil
}

func (b buffer) bytes() []byte { return unsafe.Slice((*byte)(b.start), b.size) }

func (b buffer) free() { C.free(b.start) }

// tensor describes a buffer to the runtime; the buffer must outlive the value.
func (a *api) tensor(b buffer, shape []int64, elementType int) (unsafe.Pointer, error) {
	var dims *C.int64_t
	if len(shape) > 0 {
		dims = (*C.int64_t)(unsafe.Pointer(&shape[0]))
	}
	var value unsafe.Pointer
	err := a.check(C.og_tensor(a.table, a.memory, b.start, C.size_t(b.size), dims, C.size_t(len(shape)), C.int(elementType), &value))
	if err != nil {
		return nil, fmt.Errorf("describing a tensor to the runtime: %w", err)
	}
	return value, nil
}

func (a *api) release(value unsafe.Pointer) { C.og_release(a.table, C.og_release_value, value) }

// foreign lets the binding use a value it did not make. The binding asks a value for its internals only.
type foreign struct {
	ort.Value
	internals struct{ value unsafe.Pointer }
}

// GetInternals gives the binding the value.
func (f *foreign) GetInternals() *ort.ValueInternalData {
	return (*ort.ValueInternalData)(unsafe.Pointer(&f.internals))
}

// checkBinding verifies what foreign relies on: that the binding's internals are one pointer.
func checkBinding() error {
	t := reflect.TypeFor[ort.ValueInternalData]()
	if t.NumField() != 1 || t.Field(0).Type.Kind() != reflect.Pointer {
		return fmt.Errorf("the binding's internals changed: expected one pointer, got %s", t)
	}
	return nil
}
