// Command demo shows Sallyport to a newcomer: it starts the built binary with
// an empty SQLite database in a temporary folder, an independent Identity
// Provider beside it, and makes one organization that signs in through it.
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
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	binary := flag.String("sallyport", "bin/sallyport", "the binary to show")
	check := flag.Bool("check", false, "perform two logins on free ports and end")
	flag.Parse()
	log.SetFlags(0)
	log.SetPrefix("demo: ")

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *binary, *check); err != nil {
		stop()
		log.Fatal(err)
	}
}

// ports are where the parts of the demo listen, on loopback.
type ports struct{ public, admin, idp string }

var usualPorts = ports{"8400", "8401", "8402"}

func run(ctx context.Context, binary string, check bool) error {
	p := usualPorts
	if check {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Minute)
		defer cancel()
		var err error
		if p, err = freePorts(); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "sallyport-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	idp, err := startIdP(p.idp)
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
	if check {
		return perform(ctx, s, idp)
	}
	explain(s, idp)
	select {
	case <-ctx.Done():
		fmt.Println("\nStopped. The folder of the demo is removed.")
		return nil
	case err := <-s.ended:
		return fmt.Errorf("sallyport ended: %w", err)
	}
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
