package inputs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opengradient/opengradient/internal/imagein"
	"github.com/opengradient/opengradient/internal/npz"
	"github.com/opengradient/opengradient/internal/tensor"
)

// fit makes one tensor for each input, in the order of the signature.
func fit(specs []tensor.Spec, words []word, o Options) ([]tensor.Tensor, error) {
	f := &fitting{specs: specs, values: make([]*value, len(specs)), symbols: make(map[string]int64)}
	if err := f.state(o.Symbols); err != nil {
		return nil, err
	}
	for _, w := range words {
		if err := f.take(w, o); err != nil {
			return nil, err
		}
	}
	for i, v := range f.values {
		if v == nil {
			return nil, refuse(input(specs[i].Name), "a value of "+form(specs[i]), "none")
		}
	}
	if err := f.shape(); err != nil {
		return nil, err
	}
	ts := make([]tensor.Tensor, len(specs))
	for i, v := range f.values {
		ts[i] = v.tensor
	}
	return ts, nil
}

// fitting is the state of it.
type fitting struct {
	specs   []tensor.Spec
	values  []*value
	symbols map[string]int64 // what is known of them
}

func (f *fitting) names() string {
	names := make([]string, len(f.specs))
	for i, s := range f.specs {
		names[i] = s.Name
	}
	return strings.Join(names, ", ")
}

// state takes values of symbols that are stated.
func (f *fitting) state(symbols map[string]int64) error {
	var known []string
	for _, s := range f.specs {
		for _, d := range s.Dims {
			if d.Symbol != "" && !slices.Contains(known, d.Symbol) {
				known = append(known, d.Symbol)
			}
		}
	}
	names := make([]string, 0, len(symbols))
	for name := range symbols {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.Contains(known, name) {
			return refuse("symbol", "one of the signature: "+strings.Join(known, ", "), fmt.Sprintf("%.64q", name))
		}
		if symbols[name] < 1 {
			return refuse("symbol "+name, "a value of at least 1", fmt.Sprint(symbols[name]))
		}
		f.symbols[name] = symbols[name]
	}
	return nil
}

// take reads a word for the input that it is meant for.
func (f *fitting) take(w word, o Options) error {
	if w.name == "" && npz.IsArchive(w.text) {
		return f.archive(w)
	}
	at, err := f.target(w)
	if err != nil {
		return err
	}
	v, err := w.read(f.specs[at], o)
	if err != nil {
		return err
	}
	return f.set(at, v)
}

func (f *fitting) set(at int, v value) error {
	if f.values[at] != nil {
		return refuse(input(f.specs[at].Name), "one value", "two")
	}
	f.values[at] = &v
	return nil
}

func (f *fitting) find(name string) (int, error) {
	at := slices.IndexFunc(f.specs, func(s tensor.Spec) bool { return s.Name == name })
	if at < 0 {
		return 0, refuse(input(name), "an input of the model: "+f.names(), "an unknown name")
	}
	return at, nil
}

// target is the input that a word is meant for.
func (f *fitting) target(w word) (int, error) {
	if w.name != "" {
		return f.find(w.name)
	}
	if len(f.specs) == 1 {
		return 0, nil
	}
	if !npz.IsArray(w.text) {
		pictures := slices.Collect(func(yield func(int) bool) {
			for i, s := range f.specs {
				if imagein.Takes(s) && !yield(i) {
					return
				}
			}
		})
		if len(pictures) == 1 {
			return pictures[0], nil
		}
	}
	return 0, refuse("file "+w.file, fmt.Sprintf("NAME=@%s with one of the inputs %s", w.file, f.names()), "no name")
}

// archive takes the arrays of a .npz file.
func (f *fitting) archive(w word) error {
	list, err := npz.Read(w.text, maxBytes)
	if err != nil {
		return because("file "+w.file, err)
	}
	// These are the names that NumPy gives to arrays without one.
	ordered := true
	for i, t := range list {
		ordered = ordered && t.Name == fmt.Sprintf("arr_%d", i)
	}
	for i, t := range list {
		at := i
		if !ordered || slices.ContainsFunc(f.specs, func(s tensor.Spec) bool { return s.Name == t.Name }) {
			if at, err = f.find(t.Name); err != nil {
				return err
			}
		}
		if at >= len(f.specs) {
			return refuse("file "+w.file, fmt.Sprintf("an array for each of the inputs %s", f.names()), fmt.Sprintf("%d arrays", len(list)))
		}
		t.Name = f.specs[at].Name
		v, err := array(f.specs[at], t)
		if err != nil {
			return err
		}
		if err := f.set(at, v); err != nil {
			return err
		}
	}
	return nil
}
