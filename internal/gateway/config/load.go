package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

const (
	// EnvPrefix begins the variables of the settings: OPENGRADIENTD_GATEWAY_REST_LISTEN is rest-listen.
	EnvPrefix = "OPENGRADIENTD_GATEWAY_"
	// section is the part of the file that holds the settings.
	section = "gateway"
	denom   = "uopg"
)

// Load fills in the settings whose flags were not given: from the environment, then from the section [gateway] of a TOML
// file, which need not be there. A name in the file that is none of a setting is an error.
func (c *Config) Load(f *pflag.FlagSet, file string, getenv func(string) string) error {
	given := make(map[string]bool)
	for _, s := range c.settings() {
		if flag := f.Lookup(s.name); flag != nil && flag.Changed {
			given[s.name] = true
			continue
		}
		if value := getenv(variable(EnvPrefix, s.name)); value != "" {
			if err := f.Set(s.name, value); err != nil {
				return fmt.Errorf("%s: %w", variable(EnvPrefix, s.name), err)
			}
			given[s.name] = true
		}
	}
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	v := viper.New()
	v.SetConfigFile(file)
	v.SetConfigType("toml")
	if err := v.ReadInConfig(); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, key := range v.AllKeys() {
		name, ok := strings.CutPrefix(key, section+".")
		if !ok || !c.knows(name) {
			return fmt.Errorf("%s: expected only the settings of the section [%s], got %s", file, section, key)
		}
		if given[name] {
			continue
		}
		value := v.GetString(key)
		if list, isList := v.Get(key).([]any); isList {
			texts := make([]string, len(list))
			for i, item := range list {
				texts[i] = fmt.Sprint(item)
			}
			value = strings.Join(texts, ",")
		}
		if err := f.Set(name, value); err != nil {
			return fmt.Errorf("%s: %s: %w", file, key, err)
		}
	}
	return nil
}

func (c *Config) knows(name string) bool {
	for _, s := range c.settings() {
		if s.name == name {
			return true
		}
	}
	return false
}

// Template writes a file with every setting at its value and what it means. The node is that of client.toml until the file says
// otherwise.
func (c Config) Template() string {
	var b strings.Builder
	b.WriteString("# Settings of `opengradientd gateway`. Flags of the same names come first, then environment variables such as\n# ")
	b.WriteString(variable(EnvPrefix, "rest-listen") + ", then this file.\n\n[" + section + "]\n")
	usual := Default()
	for _, s := range c.settings() {
		if s.section != "" {
			b.WriteString("\n# --- " + s.section + "\n")
		}
		b.WriteString("\n# " + strings.ReplaceAll(s.help, "`", "") + "\n")
		if s.name == "node" && c.Node == usual.Node || s.name == "node-grpc" && c.NodeGRPC == usual.NodeGRPC {
			b.WriteString("# ")
		}
		b.WriteString(s.name + " = " + literal(s.into) + "\n")
	}
	return b.String()
}

// literal is a value in TOML.
func literal(value any) string {
	switch v := value.(type) {
	case *string:
		return strconv.Quote(*v)
	case *bool:
		return strconv.FormatBool(*v)
	case *time.Duration:
		return strconv.Quote(v.String())
	case *float64:
		text := strconv.FormatFloat(*v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	case *[]string:
		quoted := make([]string, len(*v))
		for i, s := range *v {
			quoted[i] = strconv.Quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	case *int:
		return strconv.Itoa(*v)
	case *int64:
		return strconv.FormatInt(*v, 10)
	default:
		return `""`
	}
}

// ParseAmount reads an amount of the chain's coin, such as 5000000uopg; the unit may be left out.
func ParseAmount(text string) (uint64, error) {
	digits := strings.TrimSuffix(strings.TrimSpace(text), denom)
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("expected an amount such as 5000000%s, got %.40q", denom, text)
	}
	return n, nil
}

// ParseRate reads a rate such as 20/s; the unit may be left out.
func ParseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(text), "/s"), 64)
	if err != nil || !(rate > 0 && rate <= 1e6) {
		return 0, fmt.Errorf("expected a rate such as 20/s, got %.40q", text)
	}
	return rate, nil
}
