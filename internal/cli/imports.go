package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"sallyport/internal/fault"
)

// pollEvery is the time between two looks at an import.
const pollEvery = 200 * time.Millisecond

func (c *cli) importUsers() *cobra.Command {
	cmd := &cobra.Command{Use: "import ORGANIZATION [FILE]", Short: "Import users from a CSV file, or from verified domains",
		Long: `Imports users from a CSV file, - for standard input. Its first line names the
columns: email, and if you like name and role, in any order. At a verified domain
of the organization they become managed at once; anybody else is invited.

With --domain, or --domains for all verified ones, it takes the independent users
whose address is there.

It waits for the end, unless --wait=false. It is safe to repeat.`, Args: cobra.RangeArgs(1, 2)}
	f := cmd.Flags()
	dry := f.Bool("dry-run", false, "find out what would happen; change nothing")
	invite := f.Bool("invite", true, "send invitations")
	domains := f.StringSlice("domain", nil, "id of a verified domain whose independent users to import")
	all := f.Bool("domains", false, "import the independent users of all verified domains")
	return c.startImport(cmd, func(args []string) (call, error) {
		in := call{method: http.MethodPost, path: "/organizations/" + url.PathEscape(args[0]) + "/imports",
			query: url.Values{"dry_run": {strconv.FormatBool(*dry)}, "invite": {strconv.FormatBool(*invite)}}}
		fromDomains := *all || len(*domains) > 0
		switch {
		case fromDomains == (len(args) == 2):
			return in, usagef("expected either a FILE, or --domain or --domains")
		case fromDomains:
			body := fields{"source": "domain"}
			if len(*domains) > 0 {
				body["domain_ids"] = *domains
			}
			in.body = body
			return in, nil
		}
		var err error
		in.file, err = c.openFile(args[1])
		return in, err
	})
}

// openFile opens a file, or standard input for "-".
func (c *cli) openFile(path string) (io.Reader, error) {
	if path == "-" {
		return c.In, nil
	}
	return os.Open(path) // the request closes it
}

func (c *cli) confirmImport() *cobra.Command {
	cmd := &cobra.Command{Use: "confirm-import IMPORT", Short: "Import what a dry run has shown", Args: cobra.ExactArgs(1)}
	invite := cmd.Flags().Bool("invite", true, "send invitations")
	return c.startImport(cmd, func(args []string) (call, error) {
		return call{method: http.MethodPost, path: "/imports/" + url.PathEscape(args[0]) + "/confirm",
			query: url.Values{"invite": {strconv.FormatBool(*invite)}}}, nil
	})
}

func (c *cli) undoImport() *cobra.Command {
	cmd := &cobra.Command{Use: "undo-import IMPORT", Short: "Take an import back, but for what was changed since", Args: cobra.ExactArgs(1)}
	return c.startImport(cmd, func(args []string) (call, error) {
		return call{method: http.MethodPost, path: "/imports/" + url.PathEscape(args[0]) + "/undo"}, nil
	})
}

func (c *cli) listImports() *cobra.Command {
	cmd := paging(&cobra.Command{Use: "imports ORGANIZATION", Short: "List an organization's imports", Args: cobra.ExactArgs(1)})
	return c.run(cmd, func(args []string) (call, error) {
		return get("/organizations/"+url.PathEscape(args[0])+"/imports", query(cmd.Flags())), nil
	}, "id", "source", "dry_run", "status", "total", "created", "updated", "unchanged", "failed", "created_by", "created_at")
}

func (c *cli) showImport() *cobra.Command {
	cmd := &cobra.Command{Use: "show-import IMPORT", Short: "Show an import and how far it is", Args: cobra.ExactArgs(1)}
	return c.run(cmd, func(args []string) (call, error) { return get("/imports/"+url.PathEscape(args[0]), nil), nil })
}

func (c *cli) importRows() *cobra.Command {
	cmd := &cobra.Command{Use: "import-rows IMPORT", Short: "Print the rows of an import with their results, as CSV", Args: cobra.ExactArgs(1)}
	cmd.Flags().String("result", "", "only these rows: created, updated, unchanged, or failed, to be corrected and imported again")
	c.run(cmd, nil)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return c.file(cmd, get("/imports/"+url.PathEscape(args[0])+"/rows.csv", query(cmd.Flags(), "result")))
	}
	return cmd
}

// startImport adds the flags of a command that starts something and waits for
// its end. It fails if that fails.
func (c *cli) startImport(cmd *cobra.Command, make func(args []string) (call, error)) *cobra.Command {
	wait := cmd.Flags().Bool("wait", true, "wait for the end")
	c.run(cmd, make)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in, err := make(args)
		if err != nil {
			return err
		}
		to, err := c.connect(cmd)
		if err != nil {
			return err
		}
		defer to.close()
		raw, err := to.do(cmd.Context(), in)
		if err == nil && *wait {
			raw, err = to.await(cmd.Context(), raw)
		}
		if err != nil {
			return err
		}
		return c.print(raw, nil)
	}
	return cmd
}

// An importState is what tells whether an import has ended.
type importState struct {
	ID     string      `json:"id"`
	Status string      `json:"status"`
	Code   *fault.Code `json:"code"`
	Undo   *struct {
		Status string `json:"status"`
	} `json:"undo"`
}

// ended reports whether it has, and the error that it has ended with.
func (s *importState) ended() (bool, error) {
	open := map[string]bool{"queued": true, "running": true}
	switch {
	case open[s.Status] || s.Undo != nil && open[s.Undo.Status]:
		return false, nil
	case s.Status == "failed" && s.Undo == nil:
		code := fault.Internal
		if s.Code != nil {
			code = *s.Code
		}
		return true, fault.Newf(code, "The import %s failed. What it had done until then stays.", s.ID)
	case s.Undo != nil && s.Undo.Status == "failed":
		return true, fault.Newf(fault.Internal, "The import %s was not taken back as a whole.", s.ID)
	}
	return true, nil
}

// await waits for the end of an import. Without a server it does the work here.
func (c *connection) await(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	if c.app != nil {
		work, stop := context.WithCancel(ctx)
		var working sync.WaitGroup
		working.Go(func() { c.app.Work(work) })
		defer working.Wait()
		defer stop()
	}
	for {
		var s importState
		if err := json.Unmarshal(raw, &s); err != nil {
			return raw, fmt.Errorf("the answer is no import: %w", err)
		}
		if done, err := s.ended(); done {
			return raw, err
		}
		select {
		case <-ctx.Done():
			return raw, ctx.Err()
		case <-time.After(pollEvery):
		}
		var err error
		if raw, err = c.do(ctx, get("/imports/"+url.PathEscape(s.ID), nil)); err != nil {
			return raw, err
		}
	}
}
