package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"sallyport/internal/fault"
)

// Exit codes of the program.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// Streams are what a command reads from and writes to.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	Environ  []string
}

// cli is one run of the program.
type cli struct {
	Streams
	version string

	json          bool
	server, token string
}

// Main runs the program as it is called and returns its exit code.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, Streams{os.Stdin, os.Stdout, os.Stderr, os.Environ()}, os.Args[1:])
}

// Run runs one command.
func Run(ctx context.Context, s Streams, args []string) int {
	c := &cli{Streams: s, version: version()}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	err := root.ExecuteContext(ctx)
	switch usage := (usageError{}); {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintln(s.Err, "sallyport:", err)
		return exitUsage
	default:
		c.report(err)
		return exitFailed
	}
}

// report writes why a command failed: a line with its code, or one for each
// problem.
func (c *cli) report(err error) {
	var f *fault.Error
	if errors.As(err, &f) {
		line := string(f.Code) + ": " + f.Detail
		for _, field := range f.Fields {
			line += fmt.Sprintf(" %s %s.", field.Name, strings.TrimSuffix(field.Message, "."))
		}
		line = strings.TrimSuffix(strings.Join(strings.Fields(line), " "), ":")
		fmt.Fprintln(c.Err, "sallyport:", line)
		return
	}
	for line := range strings.Lines(err.Error()) {
		fmt.Fprintln(c.Err, "sallyport:", strings.TrimSpace(line))
	}
}

// A usageError is a command that was called wrongly.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sallyport",
		Short: "The single sign-on front door of a Console",
		Long: `Sallyport is the single sign-on front door of a SaaS company's Console.

Commands work on a database directly with --database (or SALLYPORT_DATABASE),
or over the API with --server and a token (SALLYPORT_SERVER, SALLYPORT_TOKEN).`,
		SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE: func(cmd *cobra.Command, args []string) error {
			return usagef("expected a command; see sallyport --help")
		},
		Args: cobra.NoArgs,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	p := root.PersistentFlags()
	p.BoolVar(&c.json, "json", false, "print JSON")
	root.AddCommand(c.serve(), c.initialize(), c.tokens(), c.organizations(), c.domains(), c.users(),
		c.accounts(), c.profiles(), c.keys(), c.explain(), c.signIns(), c.audit(), c.feedback(), c.rescue(), c.showVersion())
	for _, cmd := range root.Commands() {
		checkArgs(cmd)
	}
	root.Args = usageArgs(cobra.NoArgs)
	return root
}

// checkArgs makes wrong arguments, anywhere below, an error of usage.
func checkArgs(cmd *cobra.Command) {
	if cmd.Args != nil {
		cmd.Args = usageArgs(cmd.Args)
	}
	for _, sub := range cmd.Commands() {
		checkArgs(sub)
	}
}

func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return usagef("expected one of its commands; see %s --help", cmd.CommandPath())
		},
	}
	cmd.AddCommand(subs...)
	return cmd
}

func (c *cli) showVersion() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "Print the version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if c.json {
				return c.printJSON(map[string]string{"version": c.version})
			}
			_, err := fmt.Fprintln(c.Out, c.version)
			return err
		}}
}

// version is that of the module, or of the revision that was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return "devel-" + s.Value[:min(len(s.Value), 12)]
		}
	}
	return "devel"
}
