package cli

import (
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
)

func (c *cli) explain() *cobra.Command {
	cmd := &cobra.Command{Use: "explain EMAIL", Short: "Tell how somebody signs in, and why", Args: cobra.ExactArgs(1),
		Long: `Tell how the user with an address signs in, and why: the lines of the policy in
their order, up to the first that applies, which decides.`}
	explain := func(args []string) (call, error) { return get("/explain", url.Values{"email": {args[0]}}), nil }
	c.run(cmd, explain)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := explain(args)
		if err != nil {
			return err
		}
		raw, err := c.do(cmd, in)
		if err != nil {
			return err
		}
		return c.printExplanation(raw)
	}
	return cmd
}

// printExplanation writes the decision, and a line for each step to it.
func (c *cli) printExplanation(raw json.RawMessage) error {
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if c.json {
		return c.printJSON(v)
	}
	steps, _ := v["steps"].([]any)
	delete(v, "steps")
	if err := c.printFields("", v); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(c.Out); err != nil {
		return err
	}
	return c.printTable(steps, []string{"applies", "reason", "text"}, nil)
}
