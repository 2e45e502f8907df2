package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// run adds the flags of a command that calls the API, and what it prints:
// columns of a list; of one thing these values alone, for scripts, or all of its
// fields if there are no columns. A column is a path such as sign_in.method.
func (c *cli) run(cmd *cobra.Command, make func(args []string) (call, error), columns ...string) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&c.server, "server", "", "base URL of a server [SALLYPORT_SERVER]")
	f.StringVar(&c.token, "token", "", "API token [SALLYPORT_TOKEN]")
	databaseFlags(f)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := make(args)
		if err != nil {
			return err
		}
		raw, err := c.do(cmd, in)
		if err != nil {
			return err
		}
		return c.print(raw, columns)
	}
	return cmd
}

func (c *cli) print(raw json.RawMessage, columns []string) error {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil
	}
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if c.json {
		return c.printJSON(v)
	}
	if items, ok := v["items"].([]any); ok {
		return c.printTable(items, columns, v["next_cursor"])
	}
	if len(columns) > 0 {
		return c.printValues(v, columns)
	}
	return c.printFields("", v)
}

func (c *cli) printValues(v map[string]any, columns []string) error {
	for _, col := range columns {
		if _, err := fmt.Fprintln(c.Out, plain(at(v, col))); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) printJSON(v any) error {
	e := json.NewEncoder(c.Out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (c *cli) printTable(items []any, columns []string, next any) error {
	w := tabwriter.NewWriter(c.Out, 0, 8, 2, ' ', 0)
	for _, col := range columns {
		fmt.Fprint(w, strings.ToUpper(strings.ReplaceAll(col, ".", " ")), "\t")
	}
	fmt.Fprintln(w)
	for _, item := range items {
		for _, col := range columns {
			fmt.Fprint(w, plain(at(item, col)), "\t")
		}
		fmt.Fprintln(w)
	}
	if cursor, ok := next.(string); ok {
		fmt.Fprintf(w, "(more: --cursor %s)\n", cursor)
	}
	return w.Flush()
}

func at(v any, path string) any {
	for name := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

// plain writes a value on one line, without characters that a terminal obeys.
func plain(v any) string {
	var s string
	switch x := v.(type) {
	case nil:
		return "-"
	case string:
		s = x
	case []any:
		var parts []string
		for _, p := range x {
			parts = append(parts, plain(p))
		}
		s = strings.Join(parts, ",")
	case map[string]any:
		raw, _ := json.Marshal(x) // came from JSON
		s = string(raw)
	default:
		s = fmt.Sprint(x)
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
}

// printFields writes one thing, a line for each field, with nested ones by
// their path.
func (c *cli) printFields(prefix string, v map[string]any) error {
	var names []string
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	if i := slices.Index(names, "id"); i > 0 {
		names = append([]string{"id"}, slices.Delete(names, i, i+1)...)
	}
	for _, name := range names {
		if m, ok := v[name].(map[string]any); ok {
			if err := c.printFields(prefix+name+".", m); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintf(c.Out, "%s%s: %s\n", prefix, name, plain(v[name])); err != nil {
			return err
		}
	}
	return nil
}
