package gateway

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	sdkclient "github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"

	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/model/view"
	"github.com/opengradient/opengradient/cmd/opengradientd/cmd/session"
	"github.com/opengradient/opengradient/internal/gateway/config"
	"github.com/opengradient/opengradient/internal/gateway/daemon"
	"github.com/opengradient/opengradient/internal/gateway/keys"
	"github.com/opengradient/opengradient/internal/gateway/ledger"
)

const (
	flagQuota       = "quota"
	flagPer         = "per"
	flagRate        = "rate"
	flagBurst       = "burst"
	flagConcurrency = "concurrency"
)

func newKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "API keys of the gateway and what they may spend",
		Long: `API keys of the gateway. The file that holds them has only their SHA-256, so a key is shown once, when it is made. A
gateway that runs sees a change within a second or two.`,
		RunE: sdkclient.ValidateCmd,
	}
	cmd.AddCommand(newAddCommand(), newListCommand(), newSetCommand(), newRevokeCommand())
	return cmd
}

func folder(cmd *cobra.Command) string {
	return daemon.Folder(sdkclient.GetClientContextFromCmd(cmd).HomeDir)
}

func addLimitFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.String(flagQuota, "", "`AMOUNT` that its requests may cost together, such as 5000000uopg")
	f.String(flagPer, string(ledger.Total), "time for which the quota is, `day|total`; days are UTC")
	f.String(flagRate, "", "inference requests per second, such as `20/s`; without it the gateway's setting")
	f.Int(flagBurst, 0, "`NUMBER` of requests that may come at once; without it the rate, rounded up")
	f.Int(flagConcurrency, 0, "`NUMBER` of requests without an answer; without it the gateway's setting")
}

// limits changes what the flags that were given say.
func limits(cmd *cobra.Command, l keys.Limits) (keys.Limits, error) {
	f := cmd.Flags()
	text := func(name string) string { return f.Lookup(name).Value.String() }
	var err error
	if f.Changed(flagQuota) {
		if l.Quota, err = config.ParseAmount(text(flagQuota)); err != nil {
			return l, fmt.Errorf("--%s: %w", flagQuota, err)
		}
	}
	if f.Changed(flagPer) || l.Per == "" {
		if l.Per, err = ledger.ParsePeriod(text(flagPer)); err != nil {
			return l, fmt.Errorf("--%s: %w", flagPer, err)
		}
	}
	if f.Changed(flagRate) {
		if l.Rate, err = config.ParseRate(text(flagRate)); err != nil {
			return l, fmt.Errorf("--%s: %w", flagRate, err)
		}
	}
	if f.Changed(flagBurst) {
		if l.Burst, err = f.GetInt(flagBurst); err != nil {
			return l, err
		}
	}
	if f.Changed(flagConcurrency) {
		if l.Concurrency, err = f.GetInt(flagConcurrency); err != nil {
			return l, err
		}
	}
	return l, l.Validate()
}

func newAddCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME --quota AMOUNT",
		Short:   "Make an API key and show it, once",
		Example: `  opengradientd gateway keys add alice --quota 5000000uopg --per day --rate 20/s`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			inJSON, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			l, err := limits(cmd, keys.Limits{})
			if err != nil {
				return err
			}
			key, secret, err := keys.Generate(args[0], l, time.Now())
			if err != nil {
				return err
			}
			err = keys.Edit(folder(cmd), func(list []keys.Key) ([]keys.Key, error) {
				if _, err := keys.Find(list, args[0]); err == nil {
					return nil, fmt.Errorf("API key: expected a new name, %q is taken", args[0])
				}
				return append(list, key), nil
			})
			if err != nil {
				return err
			}
			if inJSON {
				return view.JSON(cmd.OutOrStdout(), map[string]any{"id": key.ID, "name": key.Name, "key": secret, "quota_uopg": key.Quota, "per": key.Per})
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "The key is shown this once; the gateway keeps only its SHA-256.")
			fmt.Fprintln(cmd.OutOrStdout(), secret)
			return nil
		},
	}
	addLimitFlags(cmd)
	session.AddOutputFlag(cmd)
	if err := cmd.MarkFlagRequired(flagQuota); err != nil {
		panic(err)
	}
	return cmd
}

func newListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the API keys and their limits",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			inJSON, err := session.AsJSON(cmd)
			if err != nil {
				return err
			}
			list, err := keys.Load(folder(cmd))
			if err != nil {
				return err
			}
			if inJSON {
				return view.JSON(cmd.OutOrStdout(), list)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tQUOTA\tPER\tRATE\tCONCURRENCY\tCREATED\tSTATUS")
			for _, k := range list {
				state := "active"
				if k.Revoked != nil {
					state = "revoked " + k.Revoked.Format(time.DateOnly)
				}
				fmt.Fprintln(w, strings.Join([]string{
					k.ID, k.Name, strconv.FormatUint(k.Quota, 10) + "uopg", string(k.Per), orDefault(k.Rate != 0, fmt.Sprintf("%g/s", k.Rate)),
					orDefault(k.Concurrency != 0, strconv.Itoa(k.Concurrency)), k.Created.Format(time.DateOnly), state,
				}, "\t"))
			}
			return w.Flush()
		},
	}
	session.AddOutputFlag(cmd)
	return cmd
}

func orDefault(set bool, text string) string {
	if set {
		return text
	}
	return "default"
}

func newSetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "set NAME|ID",
		Short:   "Change the limits of an API key",
		Example: `  opengradientd gateway keys set alice --quota 9000000uopg`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return edit(cmd, args[0], func(k *keys.Key) (err error) {
				k.Limits, err = limits(cmd, k.Limits)
				return err
			})
		},
		ValidArgsFunction: completeNames,
	}
	addLimitFlags(cmd)
	session.AddOutputFlag(cmd)
	return cmd
}

// edit changes one key and, when asked to, shows it.
func edit(cmd *cobra.Command, nameOrID string, change func(*keys.Key) error) error {
	inJSON, err := session.AsJSON(cmd)
	if err != nil {
		return err
	}
	var after keys.Key
	err = keys.Edit(folder(cmd), func(list []keys.Key) ([]keys.Key, error) {
		i, err := keys.Find(list, nameOrID)
		if err != nil {
			return nil, err
		}
		err = change(&list[i])
		after = list[i]
		return list, err
	})
	if err != nil || !inJSON {
		return err
	}
	return view.JSON(cmd.OutOrStdout(), after)
}

// completeNames offers the names of keys that are in use.
func completeNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	home, err := cmd.Flags().GetString(flags.FlagHome)
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	list, err := keys.Load(daemon.Folder(home))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, k := range list {
		if k.Revoked == nil {
			names = append(names, k.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func newRevokeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "revoke NAME|ID",
		Short: "Take an API key out of use; its jobs go on",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return edit(cmd, args[0], func(k *keys.Key) error {
				if k.Revoked != nil {
					return fmt.Errorf("API key %s: expected one in use, it was revoked on %s", args[0], k.Revoked.Format(time.DateOnly))
				}
				now := time.Now().UTC().Truncate(time.Second)
				k.Revoked = &now
				return nil
			})
		},
		ValidArgsFunction: completeNames,
	}
	session.AddOutputFlag(cmd)
	return cmd
}
