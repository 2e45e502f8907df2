// Command demo shows Sallyport to a newcomer: it starts the built binary with
// an empty SQLite database in a temporary folder, an independent Identity
// Provider beside it, and makes one organization that signs in through it.
//
// With --tutorial the organization is empty but for its owner, and the Identity
// Provider has a page for its administrator, who also looks after the domain's
// DNS: docs/tutorial.md goes on from there.
//
// With --check it performs one login started here and one started at the
// Identity Provider, on free ports, says what happened, and ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	binary := flag.String("sallyport", "bin/sallyport", "the binary to show")
	var m mode
	flag.BoolVar(&m.check, "check", false, "perform two logins on free ports and end")
	flag.BoolVar(&m.tutorial, "tutorial", false, "leave the organization empty, for docs/tutorial.md")
	flag.BoolVar(&m.freePorts, "free-ports", false, "use any free ports")
	flag.Parse()
	log.SetFlags(0)
	log.SetPrefix("demo: ")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, m); err != nil {
		stop()
		log.Fatal(err)
	}
}

// A mode is what the demo shows.
type mode struct{ check, tutorial, freePorts bool }

// ports are where the parts of the demo listen, on loopback.
type ports struct{ public, admin, idp string }

var usualPorts = ports{"8400", "8401", "8402"}

func run(ctx context.Context, binary string, m mode) error {
	p := usualPorts
	if m.check || m.freePorts {
		var err error
		if p, err = freePorts(); err != nil {
			return err
		}
	}
	if m.check {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
	}
	dir, err := os.MkdirTemp("", "sallyport-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if m.tutorial {
		return tutorial(ctx, binary, dir, p)
	}
	idp, err := startIdP(p.idp, nil)
	if err != nil {
		return err
	}
	defer idp.close()
	s, err := startSallyport(ctx, binary, dir, p)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := seed(ctx, s, idp); err != nil {
		return fmt.Errorf("seeding: %w", err)
	}
	if m.check {
		return perform(ctx, s, idp)
	}
	explain(s, idp)
	return s.wait(ctx)
}

// tutorial shows an organization that has nothing yet, and its company.
func tutorial(ctx context.Context, binary, dir string, p ports) error {
	names, err := startNames()
	if err != nil {
		return err
	}
	defer names.close()
	idp, err := startIdP(p.idp, func(i *idp, mux *http.ServeMux) { (&company{idp: i, names: names}).routes(mux) })
	if err != nil {
		return err
	}
	defer idp.close()
	// All of the company is on loopback, which is nothing that Sallyport would
	// look at by itself.
	s, err := startSallyport(ctx, binary, dir, p, "--dns-resolver", names.address, "--outbound-allow", "127.0.0.0/8,::1/128")
	if err != nil {
		return err
	}
	defer s.stop()
	if err := seedTutorial(ctx, s); err != nil {
		return fmt.Errorf("seeding: %w", err)
	}
	fmt.Printf(`
Sallyport runs at %[1]s. The organization Acme has an owner and nothing else: no domain, no people, no SSO.
Follow docs/tutorial.md:

  %[1]s/   Sallyport: sign in as %[3]s, password %[4]q
  %[2]s/   the company: its Identity Provider and its DNS

Ctrl-C ends both.
`, s.base, idp.base, ownerEmail, demoPassword)
	return s.wait(ctx)
}

func freePorts() (p ports, err error) {
	for _, port := range []*string{&p.public, &p.admin, &p.idp} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return p, err
		}
		// Held until all three are chosen, so that they differ.
		defer l.Close()
		_, *port, _ = net.SplitHostPort(l.Addr().String()) // of a listener
	}
	return p, nil
}

func explain(s *sallyport, idp *idp) {
	fmt.Printf(`
Sallyport runs at %[1]s and, beside it, a demo Identity Provider at %[2]s.
The organization Acme has the domain acme.test, and SSO is enforced for it. Try, with %[3]q as every password:

  %[1]s/login   %[4]s         by SSO: you come to the Identity Provider and back
  %[1]s/login   %[5]s           by SSO, invited: chooses a password once
  %[1]s/login   %[6]s        SSO disabled: "Use my password instead"
  %[1]s/login   %[7]s    not of Acme: a password, as ever
  %[2]s/tile    the tile: sign in from the Identity Provider's side

The API stands at %[1]s/api/v1, with the operator token %[8]s
Ctrl-C ends both.
`, s.base, idp.base, demoPassword, ownerEmail, newEmail, exemptEmail, independentEmail, s.token)
}
