package cli

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// options of an SSO profile, by their JSON name.
var options = map[string]string{
	"sign_requests":               "sign requests with our key",
	"require_encrypted_assertion": "refuse an assertion in clear",
	"offer_encryption":            "show our certificate for encryption in our metadata; some Identity Providers encrypt as soon as they see one",
	"allow_rsa15":                 "accept encryption keys transported with RSA 1.5",
	"allow_cbc":                   "accept AES-CBC where the response is not signed",
	"require_signed_response":     "refuse a response of which only the assertion is signed",
	"force_authn":                 "ask for a new authentication each time",
	"authn_context":               "authentication context class to ask for",
	"idp_initiated":               "restart, accept or refuse",
	"name_id_policy":              "emailAddress, unspecified or none",
	"clock_tolerance_seconds":     "clock difference that is forgiven, up to 300",
	"allow_sha1":                  "accept signatures with SHA-1",
	"refuse_expired_certificate":  "refuse what was signed with an expired certificate",
}

func profileFlags(f *pflag.FlagSet) {
	f.String("notes", "", "what people want to remember of it")
	f.String("idp", "", "which product it is: entra, okta, …, other")
	f.String("metadata-file", "", "the Identity Provider's metadata; - for standard input")
	f.String("metadata-url", "", "where its metadata is fetched from, now and daily")
	f.String("entity-id", "", "the Identity Provider's entity ID")
	f.String("sso-url", "", "where it takes requests")
	f.String("slo-url", "", "where it takes requests to sign out; empty for none")
	f.StringSlice("certificate-file", nil, "its signing certificates, PEM")
	f.String("metadata-pin-file", "", "certificate, PEM, that its metadata has to be signed with; an empty file for none")
	f.String("managed-by", "", "organization or operator")
	for name, help := range options {
		flag := strings.ReplaceAll(name, "_", "-")
		switch name {
		case "authn_context", "idp_initiated", "name_id_policy":
			f.String(flag, "", help)
		case "clock_tolerance_seconds":
			f.Int(flag, 180, help)
		default:
			f.Bool(flag, false, help)
		}
	}
}

// profileBody reads the flags of a profile.
func (c *cli) profileBody(f *pflag.FlagSet) (fields, error) {
	body := given(f, "name", "notes", "idp", "metadata_url", "entity_id", "sso_url", "slo_url", "managed_by", "state")
	if path, _ := f.GetString("metadata-file"); path != "" { // it is there
		text, err := c.readFile(path)
		if err != nil {
			return nil, err
		}
		body["metadata_xml"] = text
	}
	var certificates []string
	paths, _ := f.GetStringSlice("certificate-file") // it is there
	for _, path := range paths {
		text, err := c.readFile(path)
		if err != nil {
			return nil, err
		}
		certificates = append(certificates, text)
	}
	if certificates != nil {
		body["certificates"] = certificates
	}
	var names []string
	for name := range options {
		names = append(names, name)
	}
	choices := given(f, names...)
	if path, _ := f.GetString("metadata-pin-file"); path != "" { // it is there
		text, err := c.readFile(path)
		if err != nil {
			return nil, err
		}
		choices["metadata_pin"] = text
	}
	if len(choices) > 0 {
		body["options"] = choices
	}
	return body, nil
}

func (c *cli) keys() *cobra.Command {
	list := &cobra.Command{Use: "list PROFILE", Short: "List our keys of an SSO profile", Args: cobra.ExactArgs(1)}
	rotate := &cobra.Command{Use: "rotate PROFILE", Short: "Make a new key for an SSO profile", Args: cobra.ExactArgs(1),
		Long: `Make a new key for an SSO profile. It stands in our metadata at once and is used
after the delay; its predecessor goes a week after that. Until then the Identity
Provider has to know the new one: where it reads our metadata by itself there is
nothing to do, elsewhere enter the new certificate beside the old one.`}
	rotate.Flags().String("delay", "7d", "when it is used: 30m, 12h, 7d, or 0 for at once")
	reseal := &cobra.Command{Use: "reseal", Short: "Encrypt secrets again with the current key-encryption key", Args: cobra.NoArgs,
		Long: `Encrypt secrets again with the current key-encryption key. To change that key: put
a new one before the old one in the secret key file of every node, restart the
nodes, run this, and take the old one away.`}
	path := func(args []string) string { return "/sso-profiles/" + url.PathEscape(args[0]) + "/keys" }
	return group("keys", "Our keys",
		c.run(list, func(args []string) (call, error) { return get(path(args), nil), nil },
			"id", "state", "sha256", "active_at", "remove_at", "not_after"),
		c.run(rotate, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args), body: given(rotate.Flags(), "delay")}, nil
		}),
		c.run(reseal, func([]string) (call, error) { return call{method: http.MethodPost, path: "/keys/reseal"}, nil }),
	)
}

func (c *cli) profiles() *cobra.Command {
	create := &cobra.Command{Use: "create ORGANIZATION NAME", Short: "Create an SSO profile", Args: cobra.ExactArgs(2)}
	profileFlags(create.Flags())
	list := paging(&cobra.Command{Use: "list ORGANIZATION", Short: "List an organization's SSO profiles", Args: cobra.ExactArgs(1)})
	show := &cobra.Command{Use: "show PROFILE", Short: "Show an SSO profile and our values for its Identity Provider", Args: cobra.ExactArgs(1)}
	update := &cobra.Command{Use: "update PROFILE", Short: "Change an SSO profile", Args: cobra.ExactArgs(1)}
	profileFlags(update.Flags())
	update.Flags().String("name", "", "new name")
	update.Flags().String("state", "", "disabled or configured")
	remove := &cobra.Command{Use: "delete PROFILE", Short: "Delete an SSO profile", Args: cobra.ExactArgs(1)}
	test := &cobra.Command{Use: "test PROFILE", Short: "Test an SSO profile", Args: cobra.ExactArgs(1)}
	test.Long = `Test an SSO profile. It prints an address that starts the test: opened in a
browser, once and within 15 minutes, it makes the round trip to the Identity
Provider and shows what was checked. Nobody is signed in by it. Show the result
here with: sallyport sso test-result TEST`
	operator := test.Flags().Bool("operator", false, "count it as tested on the operator's word")
	ofDraft := test.Flags().Bool("draft", false, "test what the holder of a setup link has entered")
	result := &cobra.Command{Use: "test-result TEST", Short: "Show what a test has found", Args: cobra.ExactArgs(1)}
	tests := &cobra.Command{Use: "tests PROFILE", Short: "List the tests of an SSO profile", Args: cobra.ExactArgs(1)}
	path := func(args []string, rest string) string { return "/sso-profiles/" + url.PathEscape(args[0]) + rest }
	return group("sso", "SSO profiles",
		c.run(create, func(args []string) (call, error) {
			body, err := c.profileBody(create.Flags())
			if err != nil {
				return call{}, err
			}
			body["name"] = args[1]
			return call{method: http.MethodPost, path: "/organizations/" + url.PathEscape(args[0]) + "/sso-profiles", body: body}, nil
		}),
		c.run(list, func(args []string) (call, error) {
			return get("/organizations/"+url.PathEscape(args[0])+"/sso-profiles", query(list.Flags())), nil
		}, "id", "name", "state", "idp.product", "idp.entity_id"),
		c.run(show, func(args []string) (call, error) { return get(path(args, ""), nil), nil }),
		c.run(update, func(args []string) (call, error) {
			body, err := c.profileBody(update.Flags())
			return call{method: http.MethodPatch, path: path(args, ""), body: body}, err
		}),
		c.run(test, func(args []string) (call, error) {
			body := fields{}
			if *operator {
				body["method"] = "operator"
			}
			if *ofDraft {
				body["draft"] = true
			}
			return call{method: http.MethodPost, path: path(args, "/tests"), body: body}, nil
		}),
		c.run(result, func(args []string) (call, error) { return get("/tests/"+url.PathEscape(args[0]), nil), nil }),
		c.run(tests, func(args []string) (call, error) { return get(path(args, "/tests"), nil), nil },
			"id", "status", "code", "draft", "created_at"),
		c.setupLinks(), c.drafts(),
		c.run(remove, func(args []string) (call, error) { return call{method: http.MethodDelete, path: path(args, "")}, nil }),
		c.certificates(),
		c.idpMetadata(),
	)
}

func (c *cli) setupLinks() *cobra.Command {
	create := &cobra.Command{Use: "create PROFILE", Short: "Make a setup link", Args: cobra.ExactArgs(1),
		Long: `Make a setup link: for three days it lets the administrator of an Identity
Provider enter its data for this SSO profile, and test them, without an account.
What is entered is a draft; see sallyport sso draft. The link belongs to the
first browser that uses it, and every use is mailed to whoever made it.`}
	list := &cobra.Command{Use: "list PROFILE", Short: "List the setup links of an SSO profile", Args: cobra.ExactArgs(1)}
	revoke := &cobra.Command{Use: "revoke LINK", Short: "Revoke a setup link", Args: cobra.ExactArgs(1)}
	path := func(args []string) string { return "/sso-profiles/" + url.PathEscape(args[0]) + "/setup-links" }
	return group("setup-link", "Setup links: somebody without an account enters the Identity Provider's data",
		c.run(create, func(args []string) (call, error) {
			return call{method: http.MethodPost, path: path(args), body: fields{}}, nil
		}),
		c.run(list, func(args []string) (call, error) { return get(path(args), nil), nil },
			"id", "made_by", "claimed", "expires_at", "used_at", "revoked_at"),
		c.run(revoke, func(args []string) (call, error) {
			return call{method: http.MethodDelete, path: "/setup-links/" + url.PathEscape(args[0])}, nil
		}),
	)
}

func (c *cli) drafts() *cobra.Command {
	show := &cobra.Command{Use: "show PROFILE", Short: "Show a draft, and what applying it changes", Args: cobra.ExactArgs(1)}
	apply := &cobra.Command{Use: "apply PROFILE", Short: "Make a draft the SSO profile's own", Args: cobra.ExactArgs(1),
		Long: `Make a draft the SSO profile's own, also where the profile is enforced: sign-ins
go on with the new data at once.`}
	version := apply.Flags().Int64("version", 0, "of the draft as it was shown; one that was changed since is refused")
	discard := &cobra.Command{Use: "discard PROFILE", Short: "Throw a draft away", Args: cobra.ExactArgs(1)}
	path := func(args []string) string { return "/sso-profiles/" + url.PathEscape(args[0]) + "/draft" }
	return group("draft", "Drafts: what the holder of a setup link has entered",
		c.run(show, func(args []string) (call, error) { return get(path(args), nil), nil }),
		c.run(apply, func(args []string) (call, error) {
			body := fields{}
			if *version != 0 {
				body["version"] = *version
			}
			return call{method: http.MethodPost, path: path(args) + "/apply", body: body}, nil
		}),
		c.run(discard, func(args []string) (call, error) { return call{method: http.MethodDelete, path: path(args)}, nil }),
	)
}
