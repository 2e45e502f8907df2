package cli

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func (c *cli) certificates() *cobra.Command {
	list := &cobra.Command{Use: "list PROFILE", Short: "List the certificates of a profile's Identity Provider", Args: cobra.ExactArgs(1),
		Long: `List the certificates of a profile's Identity Provider: those in use, those that
wait for a decision, and those that were refused or distrusted.`}
	approve := &cobra.Command{Use: "approve PROFILE SHA256", Short: "Use a certificate at once that waits", Args: cobra.ExactArgs(2)}
	refuse := &cobra.Command{Use: "refuse PROFILE SHA256", Short: "Do not use a certificate that waits", Args: cobra.ExactArgs(2)}
	distrust := &cobra.Command{Use: "distrust PROFILE SHA256", Short: "Distrust a certificate now", Args: cobra.ExactArgs(2),
		Long: `Distrust a certificate now: it goes at once, the sessions that began with it end,
and refreshing metadata does not bring it back.`}
	distrust.Flags().Bool("acknowledge", false, "even if it is the last one, so that nobody can sign in with the profile")
	path := func(args []string, rest string) string {
		p := "/sso-profiles/" + url.PathEscape(args[0]) + "/certificates"
		if len(args) > 1 {
			p += "/" + url.PathEscape(args[1])
		}
		return p + rest
	}
	columns := []string{"sha256", "state", "subject", "not_after", "seen_at", "use_at", "drop_at"}
	return group("certificates", "Certificates of Identity Providers",
		c.run(list, func(args []string) (call, error) { return get(path(args, ""), nil), nil }, columns...),
		c.run(approve, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/approve")}, nil
		}, columns...),
		c.run(refuse, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/refuse")}, nil
		}, columns...),
		c.run(distrust, func(args []string) (call, error) {
			return call{method: http.MethodDelete, path: path(args, ""), query: query(distrust.Flags(), "acknowledge")}, nil
		}),
	)
}

func (c *cli) idpMetadata() *cobra.Command {
	show := &cobra.Command{Use: "show PROFILE", Short: "Show how fetching the metadata fares", Args: cobra.ExactArgs(1)}
	refresh := &cobra.Command{Use: "refresh PROFILE", Short: "Fetch the metadata now", Args: cobra.ExactArgs(1)}
	accept := &cobra.Command{Use: "accept PROFILE ENTITY_ID", Short: "Follow another Identity Provider that the metadata names", Args: cobra.ExactArgs(2)}
	refuse := &cobra.Command{Use: "refuse PROFILE ENTITY_ID", Short: "Do not follow it", Args: cobra.ExactArgs(2)}
	path := func(args []string, rest string) string {
		return "/sso-profiles/" + url.PathEscape(args[0]) + "/metadata" + rest
	}
	decide := func(decision string) func(args []string) (call, error) {
		return func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/entity"), body: fields{"entity_id": args[1], "decision": decision}}, nil
		}
	}
	return group("metadata", "Metadata of Identity Providers, fetched by URL",
		c.run(show, func(args []string) (call, error) { return get(path(args, ""), nil), nil }),
		c.run(refresh, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/refresh")}, nil
		}),
		c.run(accept, decide("accept")),
		c.run(refuse, decide("refuse")),
	)
}
