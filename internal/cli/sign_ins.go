package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (c *cli) signIns() *cobra.Command {
	list := paging(&cobra.Command{Use: "list ORGANIZATION", Short: "List attempts to sign in, newest first", Args: cobra.ExactArgs(1)})
	f := list.Flags()
	f.String("user", "", "id or address of a user, or an unknown address at a domain of the organization")
	f.String("profile", "", "SSO profile")
	f.String("outcome", "", "succeeded, refused or pending")
	f.String("code", "", "error code, such as saml_audience_mismatch")
	sinceUntil(f)
	show := &cobra.Command{Use: "show REFERENCE", Short: "Show what was checked at an attempt to sign in, and what to change", Args: cobra.ExactArgs(1),
		Long: `Show the record of an attempt to sign in, by the reference on the user's error
page: what became of it, what to change where, and each check with what was
expected and found. Values of attributes are hidden, unless --reveal asks for
them, which is written down in the audit log.`}
	reveal := show.Flags().Bool("reveal", false, "with the values of attributes, which is audited")
	replay := &cobra.Command{Use: "replay REFERENCE", Short: "Tell whether a recorded sign-in would pass now", Args: cobra.ExactArgs(1),
		Long: `Judge the message of a recorded sign-in by the present settings, as if it had
come when it did. Nobody is signed in. Whether it answers a request of ours, and
whether it was used before, is left out: both are used up.`}
	path := func(args []string, rest string) string { return "/sign-ins/" + url.PathEscape(args[0]) + rest }
	return group("sign-in", "Attempts to sign in, and why they were refused",
		c.run(list, func(args []string) (call, error) {
			q := query(f, "user", "profile", "outcome", "code")
			if err := readSinceUntil(f, q); err != nil {
				return call{}, err
			}
			return get("/organizations/"+url.PathEscape(args[0])+"/sign-ins", q), nil
		}, "time", "outcome", "code", "email", "method", "profile_id", "reference"),
		c.checked(show, func(args []string) (call, error) {
			if *reveal {
				return call{method: http.MethodPost, path: path(args, "/reveal")}, nil
			}
			return get(path(args, ""), nil), nil
		}),
		c.checked(replay, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/replay")}, nil
		}),
	)
}

func sinceUntil(f *pflag.FlagSet) {
	f.String("since", "", "not before this day or instant: 2026-03-01 or 2026-03-01T09:30:00Z")
	f.String("until", "", "before the end of this day, or before this instant")
}

func readSinceUntil(f *pflag.FlagSet, q url.Values) error {
	for name, days := range map[string]int{"since": 0, "until": 1} {
		text, _ := f.GetString(name) // it is there
		at, err := instant(text, days)
		if err != nil {
			return usagef("--%s: expected a day such as 2026-03-01, or an instant such as 2026-03-01T09:30:00Z", name)
		}
		if at != "" {
			q.Set(name, at)
		}
	}
	return nil
}

// instant reads a day, by UTC, with days added to it, or an instant.
func instant(text string, days int) (string, error) {
	if text == "" {
		return "", nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day.AddDate(0, 0, days).Format(time.RFC3339), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC().Format(time.RFC3339Nano), err
}

// checked is run for what holds checks: they are printed as a table of their own.
func (c *cli) checked(cmd *cobra.Command, make func(args []string) (call, error)) *cobra.Command {
	c.run(cmd, make)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := make(args)
		if err != nil {
			return err
		}
		raw, err := c.do(cmd, in)
		if err != nil {
			return err
		}
		return c.printChecked(raw)
	}
	return cmd
}

func (c *cli) printChecked(raw json.RawMessage) error {
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if c.json {
		return c.printJSON(v)
	}
	checks, _ := v["checks"].([]any)
	delete(v, "checks")
	if message, ok := v["message"].(string); ok {
		v["message"] = fmt.Sprintf("%d characters; --json shows them", utf8.RuneCountInString(message))
	}
	if err := c.printFields("", v); err != nil || len(checks) == 0 {
		return err
	}
	if _, err := fmt.Fprintln(c.Out); err != nil {
		return err
	}
	return c.printTable(checks, []string{"name", "status", "code", "expected", "found", "note"}, nil)
}
