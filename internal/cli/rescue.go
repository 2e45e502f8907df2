package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"sallyport/internal/access"
	"sallyport/internal/app"
)

// rescue is the operator's part of break-glass. It works at the server alone,
// also while the server runs: no token is to be worth a way in as an owner.
func (c *cli) rescue() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rescue EMAIL", Short: "Print a link that lets an owner in, once", Args: cobra.ExactArgs(1),
		Long: `Print a one-time link of 15 minutes that lets an owner of an organization in
to its Admin Center, however the owner signs in otherwise. All owners are told
by mail when it is used. The command works on the database directly, also
while the server runs.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			database := variable(c.Environ, "SALLYPORT_DATABASE")
			if f := cmd.Flags().Lookup("database"); database == "" && !f.Changed {
				return usagef("expected --database: a rescue needs the server's own database")
			}
			s, err := c.settings(cmd.Flags())
			if err != nil {
				return err
			}
			a, err := app.Open(cmd.Context(), s, c.version, app.NewLogger(c.Err, "warn", s.LogFormat))
			if err != nil {
				return err
			}
			defer a.Close()
			url, until, err := a.Rescue(cmd.Context(), access.Operator("rescue"), args[0])
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]any{"url": url, "expires_at": until.UTC()})
			}
			fmt.Fprintln(c.Out, url)
			_, err = fmt.Fprintf(c.Err, "Give this link to %s. It works once, until %s.\n", args[0], until.UTC().Format(time.RFC3339))
			return err
		},
	}
	databaseFlags(cmd.Flags())
	return cmd
}
