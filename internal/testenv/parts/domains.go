package parts

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/directory"
	"sallyport/internal/outbound"
	"sallyport/internal/proof"
	"sallyport/internal/resolver"
	"sallyport/internal/testenv"
)

// askPause is how often somebody may have a proof looked for.
const askPause = time.Second

// proofs is the world in which proofs are looked for: two name servers, started
// when a test first speaks of them.
type proofs struct {
	dns    [2]*testenv.DNS
	prover *proof.Prover
}

// prove looks for a proof. Before a test speaks of names there are none.
func (p *Parts) prove(ctx context.Context, domain, token string) (proof.Findings, error) {
	p.mu.Lock()
	world := p.proofs
	p.mu.Unlock()
	if world == nil {
		return proof.Findings{At: p.Now(), Sightings: []proof.Sighting{{Resolver: "none", TXT: proof.None, MX: proof.None}}}, ctx.Err()
	}
	return world.prover.Look(ctx, domain, token)
}

// DNS returns the two name servers that are asked for proofs.
func (p *Parts) DNS(t testing.TB) [2]*testenv.DNS {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.proofs == nil {
		w := &proofs{dns: [2]*testenv.DNS{testenv.StartDNS(t), testenv.StartDNS(t)}}
		all, err := resolver.New(w.dns[0].Address + "," + w.dns[1].Address)
		if err != nil {
			t.Fatal(err)
		}
		guard := outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
		w.prover = proof.New(all, guard, p.Now)
		p.proofs = w
	}
	return p.proofs.dns
}

// Publish puts texts into DNS where a domain's proof is looked for; none takes
// them away.
func (p *Parts) Publish(t testing.TB, domain string, texts ...string) {
	t.Helper()
	for _, d := range p.DNS(t) {
		d.TXT(proof.TXTName(domain), texts...)
	}
}

// Check has a domain's proof looked for, as an administrator does. A moment
// passes before, so that it is not too soon.
func (o *Organization) Check(t testing.TB, d directory.Domain) (directory.Domain, error) {
	t.Helper()
	o.DNS(t)
	o.Pass(askPause)
	return o.Directory.CheckDomain(t.Context(), o.Actor(access.RoleAdministrator), d.ID)
}

// Proved claims a domain and proves it by a record.
func (o *Organization) Proved(t testing.TB, name string) directory.Domain {
	t.Helper()
	d := o.Claim(t, name)
	o.Publish(t, d.Name, d.Proof().TXTValue)
	d, err := o.Check(t, d)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// CheckDomains does the background checks that are due.
func (p *Parts) CheckDomains(t testing.TB) {
	t.Helper()
	p.DNS(t)
	if err := p.Directory.CheckDomains(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ReadDomain reads a domain.
func (p *Parts) ReadDomain(t testing.TB, domainID string) directory.Domain {
	t.Helper()
	d, err := p.Directory.DomainByID(t.Context(), Operator(), domainID)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
