package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/internal/access"
	"sallyport/internal/app"
	"sallyport/internal/fault"
	"sallyport/internal/token"
)

// settingFlags adds a flag for every setting.
func settingFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "YAML file with settings")
	for _, s := range app.Table() {
		help := s.Help + " [" + "SALLYPORT_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_")) + "]"
		flags.String(s.Name, s.Default, help)
		if s.Default == "true" || s.Default == "false" {
			// Not a flag of its own kind: a bad value is told with all others.
			flags.Lookup(s.Name).NoOptDefVal = "true"
		}
	}
}

// settings reads what a server would be started with.
func (c *cli) settings(flags *pflag.FlagSet) (app.Settings, error) {
	src := app.Source{Flags: make(map[string]string), Environment: c.Environ, File: variable(c.Environ, "SALLYPORT_CONFIG")}
	flags.Visit(func(f *pflag.Flag) {
		if f.Name == "config" {
			src.File = f.Value.String()
		}
		src.Flags[f.Name] = f.Value.String()
	})
	return app.Load(src)
}

func variable(environ []string, name string) string {
	value := ""
	for _, pair := range environ {
		if v, ok := strings.CutPrefix(pair, name+"="); ok {
			value = v
		}
	}
	return value
}

func (c *cli) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: cobra.NoArgs,
		Long: `Run the server. Each setting is a flag, a variable (in brackets) or a key of a
YAML file (with _ for -); a flag wins over a variable, that over the file.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.settings(cmd.Flags())
			if err != nil {
				return err
			}
			a, err := app.OpenServer(cmd.Context(), s, c.version, app.NewLogger(c.Err, s.LogLevel, s.LogFormat))
			if err != nil {
				return err
			}
			defer a.Close()
			return a.Serve(cmd.Context())
		},
	}
	settingFlags(cmd.Flags())
	return cmd
}

func (c *cli) initialize() *cobra.Command {
	var expires string
	cmd := &cobra.Command{
		Use: "init", Short: "Prepare the database and print an operator token, once", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			life, err := token.ParseLife(expires)
			if err != nil {
				return usagef("--expires %w", err)
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
			has, err := a.Tokens.HasOperatorToken(cmd.Context())
			if err != nil {
				return err
			}
			if has {
				return fault.New(fault.Conflict, "The database is prepared and has an operator token; sallyport token create --operator makes another.")
			}
			t, secret, err := a.Tokens.Create(cmd.Context(), access.Operator("init"),
				token.NewToken{Name: "init", Scope: access.ScopeAdmin, Life: life})
			if err != nil {
				return err
			}
			if c.json {
				return c.printJSON(map[string]any{"token": secret, "id": t.ID, "expires_at": t.ExpiresAt})
			}
			fmt.Fprintln(c.Out, secret)
			_, err = fmt.Fprintf(c.Err, "The database is ready. Above is an operator token; it is shown this once and ends on %s.\n",
				t.ExpiresAt.Format(time.DateOnly))
			return err
		},
	}
	cmd.Flags().StringVar(&expires, "expires", "30d", "how long the token lives: 30m, 12h, 7d")
	databaseFlags(cmd.Flags())
	return cmd
}

// databaseFlags are the settings with which a database is opened.
func databaseFlags(flags *pflag.FlagSet) {
	flags.String("config", "", "YAML file with settings [SALLYPORT_CONFIG]")
	for _, s := range app.Table() {
		switch s.Name {
		case "database", "secret-key-file", "base-url", "account-roles", "default-edition", "product-name",
			"dns-resolver", "outbound-allow", "max-domains", "operator-mail":
			flags.String(s.Name, s.Default, s.Help)
		}
	}
}
