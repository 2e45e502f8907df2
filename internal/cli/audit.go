package cli

import (
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/internal/app"
	"sallyport/internal/audit"
	"sallyport/internal/fault"
)

// maxFindings is how many findings are printed. More of them say nothing more.
const maxFindings = 100

func (c *cli) audit() *cobra.Command {
	columns := []string{"time", "action", "actor.name", "target.name", "outcome", "code", "reference", "id"}
	list := paging(logFilter(&cobra.Command{Use: "list [ORGANIZATION]", Short: "List what changed and who signed in, newest first", Args: cobra.MaximumNArgs(1),
		Long: `List the log of an organization, newest first; without one that of the
installation, which is the operator's.`}))
	export := logFilter(&cobra.Command{Use: "export ORGANIZATION", Short: "Print all that changed and who signed in, as JSON Lines or CSV", Args: cobra.ExactArgs(1),
		Long: `Print an organization's log, newest first, however long it is. That it was
exported is written into the log.`})
	export.Flags().String("format", "jsonl", "jsonl or csv")
	c.run(export, nil)
	export.RunE = func(cmd *cobra.Command, args []string) error {
		q, err := logQuery(cmd.Flags(), "format")
		if err != nil {
			return err
		}
		return c.file(cmd, get("/organizations/"+url.PathEscape(args[0])+"/audit/export", q))
	}
	return group("audit", "The audit log",
		c.run(list, func(args []string) (call, error) {
			q, err := logQuery(list.Flags())
			if err != nil || len(args) == 0 {
				return get("/audit", q), err
			}
			return get("/organizations/"+url.PathEscape(args[0])+"/audit", q), nil
		}, columns...),
		export, c.auditVerify())
}

func logFilter(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.String("actor", "", "id, address or name of who did it")
	f.String("action", "", "such as user.deactivated, or all of a kind: user.")
	f.String("target", "", "id, address or name of what it was done to")
	sinceUntil(f)
	return cmd
}

func logQuery(f *pflag.FlagSet, more ...string) (url.Values, error) {
	q := query(f, append(more, "actor", "action", "target")...)
	return q, readSinceUntil(f, q)
}

// auditVerify is what the operator does at the server alone: what is verified is
// the database, not the word of a server.
func (c *cli) auditVerify() *cobra.Command {
	var organization, known string
	verify := &cobra.Command{
		Use: "verify", Short: "Find out whether the audit log is as it was written", Args: cobra.NoArgs,
		Long: `Go through the audit log and name every event that was changed, removed,
added, moved or cut off, and every one that should have been sealed by now.
It ends with 0 if nothing is wrong, with 1 otherwise. It works on the database
directly, also while the server runs, and changes nothing.

A head is the end of the log at some moment. The server writes it to its log
every minute ("audit log sealed"). With one that was kept elsewhere, it also
shows if the log was put back to an earlier state.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			in := audit.Verification{OrganizationID: organization}
			if known != "" {
				if organization != "" {
					return usagef("expected --head without --org: a head is of the whole log")
				}
				h, err := audit.ParseHead(known)
				if err != nil {
					return usagef("--head: expected a position, a colon and 64 hexadecimal digits")
				}
				in.Known = &h
			}
			return c.verifyAudit(cmd, in)
		},
	}
	f := verify.Flags()
	f.StringVar(&organization, "org", "", "only this organization's log, or installation")
	f.StringVar(&known, "head", "", "a head of earlier: POSITION:MAC")
	databaseFlags(f)
	return verify
}

func (c *cli) verifyAudit(cmd *cobra.Command, in audit.Verification) error {
	database := variable(c.Environ, "SALLYPORT_DATABASE")
	if f := cmd.Flags().Lookup("database"); database == "" && !f.Changed {
		return usagef("expected --database: the server's own database is verified")
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
	findings := []audit.Finding{}
	done, err := a.Audit.Verify(cmd.Context(), in, func(f audit.Finding) {
		if len(findings) < maxFindings {
			findings = append(findings, f)
		}
	})
	if err != nil {
		return err
	}
	if err := c.printVerified(done, findings); err != nil {
		return err
	}
	if done.Findings > 0 {
		return fault.Newf(fault.Conflict, "The audit log is not as it was written: %d findings.", done.Findings)
	}
	return nil
}

func (c *cli) printVerified(done audit.Verified, findings []audit.Finding) error {
	if c.json {
		out := map[string]any{"sealed": done.Sealed, "waiting": done.Waiting, "purged": done.Purged, "chains": done.Chains,
			"head": nil, "findings": done.Findings, "items": findings}
		if done.Head.Position > 0 {
			out["head"] = done.Head.String()
		}
		return c.printJSON(out)
	}
	for _, f := range findings {
		fmt.Fprintf(c.Out, "%s\t%s\t%s\tnumber %d\tposition %d\t%s\n", f.Kind, plain(f.EventID), plain(f.OrganizationID), f.Number, f.Position, plain(f.Detail))
	}
	if more := done.Findings - int64(len(findings)); more > 0 {
		fmt.Fprintf(c.Out, "and %d more\n", more)
	}
	_, err := fmt.Fprintf(c.Out, "%d sealed events in %d logs, %d wait for their seal.\n", done.Sealed, done.Chains, done.Waiting)
	if done.Head.Position > 0 && err == nil {
		_, err = fmt.Fprintf(c.Out, "head: %s\n", done.Head)
	}
	return err
}
