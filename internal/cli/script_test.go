package cli

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sallyport/internal/app"
	"sallyport/internal/testenv"
	"sallyport/saml"
	"sallyport/saml/samltest"
)

// TestScripts runs the scripts under testdata/script. Besides testscript's own
// commands they have
//
//	sallyport ARGS         the program, in this process; it has to end with 0
//	fails sallyport ARGS   … with 1
//	usage sallyport ARGS   … with 2
//	txt NAME TEXT          DNS has this text at the name
//	server DATABASE        a server on that database; sets $SERVER
//	refused NAME PROFILE EMAIL
//	                       the server refuses what the Identity Provider says of the
//	                       address; sets the variable to the reference
//	set NAME               the variable to what was printed
//	set NAME PATH          the variable to a value of the JSON that was printed
//	json PATH VALUE        the JSON that was printed holds the value
//
// A path is names and indexes with dots between, such as items.0.name.
func TestScripts(t *testing.T) {
	dns := testenv.StartDNS(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error { return setUp(env, dns) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sallyport": func(ts *testscript.TestScript, neg bool, args []string) { program(ts, neg, exitDone, args) },
			"fails":     func(ts *testscript.TestScript, neg bool, args []string) { program(ts, neg, exitFailed, args[1:]) },
			"usage":     func(ts *testscript.TestScript, neg bool, args []string) { program(ts, neg, exitUsage, args[1:]) },
			"server":    startServer, "refused": refused, "txt": publish, "set": setVariable, "json": checkJSON,
		},
	})
}

// setUp lays out what scripts start from.
func setUp(env *testscript.Env, dns *testenv.DNS) error {
	env.Values["dns"] = dns
	env.Setenv("SALLYPORT_DNS_RESOLVER", dns.Address)
	env.Setenv("DB", "sqlite:"+filepath.Join(env.WorkDir, "sallyport.db"))
	for name, text := range map[string]string{"idp.xml": string(samltest.NewIdP().Metadata()), "password": "three quiet harbours\n",
		"pin.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: samltest.NamedKey(samltest.SP).Certificate.Raw}))} {
		if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// program runs the program and checks how it ends.
func program(ts *testscript.TestScript, neg bool, want int, args []string) {
	if neg {
		ts.Fatalf("say fails or usage, not !")
	}
	var environ []string
	for _, s := range app.Table() {
		name := "SALLYPORT_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
		if v := ts.Getenv(name); v != "" {
			environ = append(environ, name+"="+v)
		}
	}
	for _, name := range []string{"SALLYPORT_SERVER", "SALLYPORT_TOKEN", "SALLYPORT_CONFIG", "SALLYPORT_NONSENSE"} {
		if v := ts.Getenv(name); v != "" {
			environ = append(environ, name+"="+v)
		}
	}
	in := strings.NewReader(ts.Getenv("STDIN"))
	var wrong strings.Builder
	code := Run(context.Background(), Streams{in, ts.Stdout(), &wrong, environ}, args)
	fmt.Fprint(ts.Stderr(), wrong.String())
	if code != want {
		ts.Fatalf("ended with %d, not %d: %s", code, want, wrong.String())
	}
}

// startServer serves a database until the script ends.
func startServer(ts *testscript.TestScript, _ bool, args []string) {
	s, err := app.Load(app.Source{Flags: map[string]string{"database": args[0]}})
	ts.Check(err)
	a, err := app.Open(context.Background(), s, "test", slog.New(slog.DiscardHandler))
	ts.Check(err)
	server := httptest.NewServer(a.Public())
	ts.Defer(func() {
		server.Close()
		ts.Check(a.Close())
	})
	ts.Setenv("SERVER", server.URL)
}

// refused has the Identity Provider of idp.xml send an answer to no request, of
// which the server tells its user the reference.
func refused(ts *testscript.TestScript, _ bool, args []string) {
	acs := "/saml/" + args[1] + "/acs"
	idp := samltest.NewIdP()
	r := idp.Response(saml.Config{EntityID: "http://localhost:8400/saml/" + args[1] + "/metadata", ACSURL: "http://localhost:8400" + acs, IdP: idp.Provider()}, "", time.Now())
	r.Assertion.NameID.Value = args[2]
	res, err := http.PostForm(ts.Getenv("SERVER")+acs, url.Values{"SAMLResponse": {r.Encode()}})
	ts.Check(err)
	ts.Check(res.Body.Close())
	reference := res.Header.Get("Sallyport-Reference")
	if res.StatusCode != http.StatusForbidden || reference == "" {
		ts.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	ts.Setenv(args[0], reference)
}

// publish tells the name server that every script asks.
func publish(ts *testscript.TestScript, _ bool, args []string) {
	ts.Value("dns").(*testenv.DNS).TXT(args[0], args[1])
}

func setVariable(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 2 {
		ts.Setenv(args[0], printed(ts, args[1]))
		return
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

func checkJSON(ts *testscript.TestScript, neg bool, args []string) {
	if got := printed(ts, args[0]); (got == args[1]) == neg {
		ts.Fatalf("%s is %s, not %s", args[0], got, args[1])
	}
}

// printed finds a value in the JSON that was printed.
func printed(ts *testscript.TestScript, path string) string {
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &v))
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			i, err := strconv.Atoi(name)
			ts.Check(err)
			if i >= len(x) {
				ts.Fatalf("%s: there are %d", path, len(x))
			}
			v = x[i]
		default:
			v = nil
		}
	}
	return fmt.Sprint(v)
}
