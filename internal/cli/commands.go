package cli

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// fields collects the flags that were given into a body, each under its JSON
// name.
type fields map[string]any

// given adds flags to a command and reads those that were given. Names are
// those of JSON fields; the flags have dashes.
func given(flags *pflag.FlagSet, names ...string) fields {
	f := make(fields)
	for _, name := range names {
		if flag := flags.Lookup(strings.ReplaceAll(name, "_", "-")); flag != nil && flag.Changed {
			switch flag.Value.Type() {
			case "bool":
				f[name] = flag.Value.String() == "true"
			case "int":
				f[name], _ = strconv.Atoi(flag.Value.String()) // pflag has checked it
			case "stringSlice":
				f[name], _ = flags.GetStringSlice(flag.Name) // it is there
			default:
				f[name] = flag.Value.String()
			}
		}
	}
	return f
}

func get(path string, query url.Values) call {
	return call{method: http.MethodGet, path: path, query: query}
}

// paging adds the flags of a list.
func paging(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().Int("limit", 50, "at most so many, up to 200")
	cmd.Flags().String("cursor", "", "where the list before ended")
	return cmd
}

// query reads the given flags as query parameters.
func query(flags *pflag.FlagSet, names ...string) url.Values {
	q := make(url.Values)
	for _, name := range append(names, "limit", "cursor") {
		if f := flags.Lookup(name); f != nil && f.Changed {
			q.Set(name, f.Value.String())
		}
	}
	return q
}

// readFile reads a file, or standard input for "-".
func (c *cli) readFile(path string) (string, error) {
	var raw []byte
	var err error
	if path == "-" {
		raw, err = io.ReadAll(io.LimitReader(c.In, 16<<20))
	} else {
		raw, err = os.ReadFile(path)
	}
	return string(raw), err
}

func (c *cli) organizations() *cobra.Command {
	columns := []string{"id", "name", "edition"}
	create := &cobra.Command{Use: "create NAME", Short: "Create an organization", Args: cobra.ExactArgs(1)}
	create.Flags().String("edition", "", "standard, administration or enterprise")
	create.Flags().String("owner-email", "", "address of its first owner, who is invited")
	list := paging(&cobra.Command{Use: "list", Short: "List organizations", Args: cobra.NoArgs})
	show := &cobra.Command{Use: "show ORGANIZATION", Short: "Show an organization", Args: cobra.ExactArgs(1)}
	update := &cobra.Command{Use: "update ORGANIZATION", Short: "Change an organization's settings", Args: cobra.ExactArgs(1)}
	u := update.Flags()
	u.String("name", "", "new name")
	u.String("edition", "", "standard, administration or enterprise")
	u.Int("session-idle-minutes", 0, "5 to 1440")
	u.Int("session-max-minutes", 0, "15 to 43200")
	u.Bool("initial-password-required", true, "ask new users for a password")
	return group("org", "Organizations",
		c.run(create, func(args []string) (call, error) {
			body := given(create.Flags(), "edition", "owner_email")
			body["name"] = args[0]
			return call{method: http.MethodPost, path: "/organizations", body: body}, nil
		}),
		c.run(list, func([]string) (call, error) { return get("/organizations", query(list.Flags())), nil }, columns...),
		c.run(show, func(args []string) (call, error) { return get("/organizations/"+url.PathEscape(args[0]), nil), nil }),
		c.run(update, func(args []string) (call, error) {
			return call{method: http.MethodPatch, path: "/organizations/" + url.PathEscape(args[0]),
				body: given(u, "name", "edition", "session_idle_minutes", "session_max_minutes", "initial_password_required")}, nil
		}),
	)
}

func (c *cli) domains() *cobra.Command {
	add := &cobra.Command{Use: "add ORGANIZATION NAME", Short: "Claim a domain", Args: cobra.ExactArgs(2)}
	list := paging(&cobra.Command{Use: "list ORGANIZATION", Short: "List an organization's domains", Args: cobra.ExactArgs(1)})
	show := &cobra.Command{Use: "show DOMAIN", Short: "Show a domain and its proof", Args: cobra.ExactArgs(1)}
	verify := &cobra.Command{Use: "verify DOMAIN", Short: "Look for a domain's proof now, and verify it", Args: cobra.ExactArgs(1)}
	operator := verify.Flags().Bool("operator", false, "on the operator's word, without a proof")
	award := &cobra.Command{Use: "award DOMAIN ORGANIZATION", Short: "Decide a dispute: who gets a domain, or keeps it", Args: cobra.ExactArgs(2)}
	remove := &cobra.Command{Use: "delete DOMAIN", Short: "Give a domain up", Args: cobra.ExactArgs(1)}
	enforce := &cobra.Command{Use: "enforce DOMAIN...", Short: "Enforce SSO for a domain, or for several of one organization at once", Args: cobra.MinimumNArgs(1)}
	enforcementFlags(enforce.Flags())
	several := enforce.Flags().String("org", "", "the organization, with several domains")
	preview := &cobra.Command{Use: "preview DOMAIN", Short: "Tell what an enforcement would do", Args: cobra.ExactArgs(1)}
	enforcementFlags(preview.Flags())
	release := &cobra.Command{Use: "release DOMAIN", Short: "Release a domain from SSO", Args: cobra.ExactArgs(1)}
	path := func(args []string, rest string) string { return "/domains/" + url.PathEscape(args[0]) + rest }
	return group("domain", "E-mail domains",
		c.run(add, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: "/organizations/" + url.PathEscape(args[0]) + "/domains", body: fields{"name": args[1]}}, nil
		}),
		c.run(list, func(args []string) (call, error) {
			return get("/organizations/"+url.PathEscape(args[0])+"/domains", query(list.Flags())), nil
		}, "id", "name", "status", "sso_profile_id"),
		c.run(show, func(args []string) (call, error) { return get(path(args, ""), nil), nil }),
		c.run(verify, func(args []string) (call, error) {
			body := fields{}
			if *operator {
				body["method"] = "operator"
			}
			return call{method: http.MethodPost, path: path(args, "/verify"), body: body}, nil
		}),
		c.run(award, func(args []string) (call, error) {
			return call{method: http.MethodPut, path: path(args, "/holder"), body: fields{"organization_id": args[1]}}, nil
		}),
		c.run(enforce, func(args []string) (call, error) {
			if profile, _ := enforce.Flags().GetString("profile"); profile == "" { // it is there
				return call{}, usagef("expected --profile; sallyport domain release ends an enforcement")
			}
			body := enforcement(enforce.Flags())
			if *several == "" && len(args) > 1 {
				return call{}, usagef("expected --org with several domains")
			}
			if *several != "" {
				body["domain_ids"] = args
				return call{method: http.MethodPut, path: "/organizations/" + url.PathEscape(*several) + "/enforcement", body: body}, nil
			}
			return call{method: http.MethodPut, path: path(args, "/enforcement"), body: body}, nil
		}),
		c.run(preview, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/enforcement/preview"), body: enforcement(preview.Flags())}, nil
		}),
		c.run(release, func(args []string) (call, error) {
			return call{method: http.MethodPut, path: path(args, "/enforcement"), body: fields{"sso_profile_id": nil}}, nil
		}),
		c.run(remove, func(args []string) (call, error) { return call{method: http.MethodDelete, path: path(args, "")}, nil }),
	)
}

func enforcementFlags(f *pflag.FlagSet) {
	f.String("profile", "", "SSO profile to enforce with")
	f.StringSlice("exempt", nil, "users who keep their password")
	f.Bool("end-sessions", false, "end the sessions of those whose way of signing in changes")
	f.Bool("acknowledge", false, "go on in spite of warnings")
}

func enforcement(f *pflag.FlagSet) fields {
	body := given(f, "end_sessions", "acknowledge")
	body["sso_profile_id"], _ = f.GetString("profile")          // it is there
	if exempt, _ := f.GetStringSlice("exempt"); exempt != nil { // it is there
		body["exempt_user_ids"] = exempt
	}
	return body
}

// listed reads the flags of a list of users.
func listed(f *pflag.FlagSet) url.Values {
	q := query(f, "q", "status", "role", "sso", "domain", "reason")
	if without, _ := f.GetBool("without-sso"); without { // it is there
		q.Set("without_sso", "true")
	}
	return q
}

func (c *cli) users() *cobra.Command {
	add := &cobra.Command{Use: "add [ORGANIZATION] EMAIL", Short: "Add a user to an organization, or an independent one", Args: cobra.RangeArgs(1, 2)}
	add.Flags().String("name", "", "name")
	add.Flags().String("role", "", "owner, administrator or member")
	add.Flags().String("language", "", "of mails to the user: en or de")
	add.Flags().Bool("invite", true, "send the invitation")
	passwordFile := add.Flags().String("password-file", "", "file with a password, - for standard input: the user is active at once")
	list := paging(&cobra.Command{Use: "list ORGANIZATION", Short: "List an organization's users", Args: cobra.ExactArgs(1)})
	for name, help := range map[string]string{"q": "beginnings of words of the name, the address or its domain", "status": "invited, active or deactivated",
		"role": "owner, administrator or member", "sso": "inherit, enabled or disabled", "domain": "e-mail domain",
		"reason": "why they sign in as they do, such as not_enforced"} {
		list.Flags().String(name, "", help)
	}
	list.Flags().Bool("without-sso", false, "only who do not sign in by SSO")
	show := &cobra.Command{Use: "show USER", Short: "Show a user", Args: cobra.ExactArgs(1)}
	update := &cobra.Command{Use: "update USER", Short: "Change a user", Args: cobra.ExactArgs(1)}
	update.Flags().String("name", "", "name")
	update.Flags().String("email", "", "another address; it counts once it was confirmed by mail")
	update.Flags().String("status", "", "active or deactivated")
	update.Flags().String("role", "", "owner, administrator or member")
	sso := update.Flags().String("sso", "", "inherit, enabled or disabled")
	profile := update.Flags().String("sso-profile", "", "SSO profile, with --sso enabled")
	remove := &cobra.Command{Use: "remove USER", Short: "Remove a user, or revoke an invitation", Args: cobra.ExactArgs(1)}
	invite := &cobra.Command{Use: "invite USER", Short: "Mail an invitation once more", Args: cobra.ExactArgs(1)}
	reset := &cobra.Command{Use: "reset-password USER", Short: "Mail a link to set another password", Args: cobra.ExactArgs(1)}
	sessions := &cobra.Command{Use: "sessions USER", Short: "List a user's sessions", Args: cobra.ExactArgs(1)}
	accounts := &cobra.Command{Use: "accounts USER", Short: "List a user's accounts and roles there", Args: cobra.ExactArgs(1)}
	end := &cobra.Command{Use: "end-sessions USER", Short: "End a user's sessions", Args: cobra.ExactArgs(1)}
	path := func(args []string, rest string) string { return "/users/" + url.PathEscape(args[0]) + rest }
	return group("user", "Users",
		c.run(add, func(args []string) (call, error) {
			body := given(add.Flags(), "name", "role", "language", "invite")
			body["email"] = args[len(args)-1]
			if *passwordFile != "" {
				text, err := c.readFile(*passwordFile)
				if err != nil {
					return call{}, err
				}
				body["password"] = strings.TrimRight(text, "\r\n")
			}
			if len(args) == 1 {
				return call{method: http.MethodPost, path: "/users", body: body}, nil
			}
			return call{method: http.MethodPost, path: "/organizations/" + url.PathEscape(args[0]) + "/users", body: body}, nil
		}),
		c.run(list, func(args []string) (call, error) {
			return get("/organizations/"+url.PathEscape(args[0])+"/users", listed(list.Flags())), nil
		}, "id", "email", "name", "role", "status", "sso.setting", "sign_in.method", "sign_in.reason"),
		c.run(show, func(args []string) (call, error) { return get(path(args, ""), nil), nil }),
		c.run(update, func(args []string) (call, error) {
			body := given(update.Flags(), "name", "email", "status", "role")
			if *sso != "" {
				change := fields{"setting": *sso}
				if *profile != "" {
					change["profile_id"] = *profile
				}
				body["sso"] = change
			}
			return call{method: http.MethodPatch, path: path(args, ""), body: body}, nil
		}),
		c.run(remove, func(args []string) (call, error) { return call{method: http.MethodDelete, path: path(args, "")}, nil }),
		c.run(invite, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/invitation")}, nil
		}),
		c.run(reset, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args, "/password-reset")}, nil
		}),
		c.run(sessions, func(args []string) (call, error) { return get(path(args, "/sessions"), nil), nil },
			"id", "method", "created_at", "last_seen_at", "address"),
		c.run(accounts, func(args []string) (call, error) { return get(path(args, "/accounts"), nil), nil }, "account_id", "name", "roles"),
		c.run(end, func(args []string) (call, error) {
			return call{method: http.MethodDelete, path: path(args, "/sessions")}, nil
		}),
		c.importUsers(), c.confirmImport(), c.undoImport(), c.listImports(), c.showImport(), c.importRows(),
	)
}

func (c *cli) accounts() *cobra.Command {
	create := &cobra.Command{Use: "create ORGANIZATION NAME", Short: "Create an account", Args: cobra.ExactArgs(2)}
	list := paging(&cobra.Command{Use: "list ORGANIZATION", Short: "List an organization's accounts", Args: cobra.ExactArgs(1)})
	show := &cobra.Command{Use: "show ACCOUNT", Short: "Show an account", Args: cobra.ExactArgs(1)}
	update := &cobra.Command{Use: "update ACCOUNT", Short: "Rename or archive an account", Args: cobra.ExactArgs(1)}
	update.Flags().String("name", "", "new name")
	update.Flags().Bool("archived", false, "archive it, or with =false take it back")
	members := paging(&cobra.Command{Use: "members ACCOUNT", Short: "List an account's members", Args: cobra.ExactArgs(1)})
	set := &cobra.Command{Use: "set-member ACCOUNT USER ROLE[,ROLE]", Short: "Give a user roles in an account", Args: cobra.ExactArgs(3)}
	remove := &cobra.Command{Use: "remove-member ACCOUNT USER", Short: "Take a user out of an account", Args: cobra.ExactArgs(2)}
	path := func(args []string, rest string) string { return "/accounts/" + url.PathEscape(args[0]) + rest }
	return group("account", "Accounts and roles",
		c.run(create, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: "/organizations/" + url.PathEscape(args[0]) + "/accounts", body: fields{"name": args[1]}}, nil
		}),
		c.run(list, func(args []string) (call, error) {
			return get("/organizations/"+url.PathEscape(args[0])+"/accounts", query(list.Flags())), nil
		}, "id", "name", "archived"),
		c.run(show, func(args []string) (call, error) { return get(path(args, ""), nil), nil }),
		c.run(update, func(args []string) (call, error) {
			return call{method: http.MethodPatch, path: path(args, ""), body: given(update.Flags(), "name", "archived")}, nil
		}),
		c.run(members, func(args []string) (call, error) { return get(path(args, "/members"), query(members.Flags())), nil }, "user_id", "roles"),
		c.run(set, func(args []string) (call, error) {
			return call{method: http.MethodPut, path: path(args, "/members/"+url.PathEscape(args[1])),
				body: fields{"roles": strings.Split(args[2], ",")}}, nil
		}),
		c.run(remove, func(args []string) (call, error) {
			return call{method: http.MethodDelete, path: path(args, "/members/"+url.PathEscape(args[1]))}, nil
		}),
	)
}

func (c *cli) tokens() *cobra.Command {
	create := &cobra.Command{Use: "create", Short: "Create an API token", Args: cobra.NoArgs}
	f := create.Flags()
	operator := f.Bool("operator", false, "operator-wide")
	organization := f.String("org", "", "of this organization")
	scope := f.String("scope", "admin", "admin, read, users, sso or audit")
	expires := f.String("expires", "30d", "how long it lives: 30m, 12h, 7d")
	name := f.String("name", "", "what it is for")
	list := paging(&cobra.Command{Use: "list", Short: "List API tokens", Args: cobra.NoArgs})
	of := list.Flags().String("org", "", "of this organization; without it the operator-wide ones")
	remove := &cobra.Command{Use: "delete TOKEN-ID", Short: "End an API token", Args: cobra.ExactArgs(1)}
	return group("token", "API tokens",
		c.run(create, func([]string) (call, error) {
			if *operator == (*organization != "") {
				return call{}, usagef("expected either --operator or --org ORGANIZATION")
			}
			body := fields{"scope": *scope, "expires": *expires, "name": *name}
			if *organization != "" {
				body["organization_id"] = *organization
			}
			return call{method: http.MethodPost, path: "/tokens", body: body}, nil
		}, "token"),
		c.run(list, func([]string) (call, error) {
			q := query(list.Flags())
			if *of != "" {
				q.Set("organization_id", *of)
			}
			return get("/tokens", q), nil
		}, "id", "name", "organization_id", "scope", "expires_at"),
		c.run(remove, func(args []string) (call, error) {
			return call{method: http.MethodDelete, path: "/tokens/" + url.PathEscape(args[0])}, nil
		}),
	)
}
