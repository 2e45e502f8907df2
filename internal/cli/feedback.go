package cli

import (
	"net/url"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// feedback is what readers say of the pages of the help, for the operator.
func (c *cli) feedback() *cobra.Command {
	list := paging(feedbackFilter(&cobra.Command{Use: "list", Short: "List what readers said of the pages of the help, newest first", Args: cobra.NoArgs}))
	summary := &cobra.Command{Use: "summary", Short: "Count what readers said, by page: the least helpful first", Args: cobra.NoArgs}
	sinceUntil(summary.Flags())
	export := feedbackFilter(&cobra.Command{Use: "export", Short: "Print what readers said, as CSV", Args: cobra.NoArgs})
	c.run(export, nil)
	export.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := feedbackQuery(cmd.Flags())
		if err != nil {
			return err
		}
		return c.file(cmd, get("/feedback.csv", q))
	}
	remove := &cobra.Command{Use: "delete ID", Short: "Delete what a reader said", Args: cobra.ExactArgs(1)}
	return group("feedback", "What readers say of the help",
		c.run(list, func([]string) (call, error) {
			q, err := feedbackQuery(list.Flags())
			return get("/feedback", q), err
		}, "time", "page", "rating", "reasons", "comment", "id"),
		c.run(summary, func([]string) (call, error) {
			q := query(summary.Flags())
			err := readSinceUntil(summary.Flags(), q)
			return get("/feedback/summary", q), err
		}, "page", "no", "yes", "latest_at"),
		export,
		c.run(remove, func(args []string) (call, error) {
			return call{method: "DELETE", path: "/feedback/" + url.PathEscape(args[0])}, nil
		}))
}

func feedbackFilter(cmd *cobra.Command) *cobra.Command {
	f := cmd.Flags()
	f.String("page", "", "path of a page, such as /help/guides/okta")
	f.String("rating", "", "yes or no")
	sinceUntil(f)
	return cmd
}

func feedbackQuery(f *pflag.FlagSet) (url.Values, error) {
	q := query(f, "page", "rating")
	return q, readSinceUntil(f, q)
}
