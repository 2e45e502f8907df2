package directory_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
)

func TestAClaimIsPendingAndSaysHowToProveIt(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Claim(t, "Bücher.Example.")
		proof := d.Proof()
		if d.Name != "xn--bcher-kva.example" || d.Status != access.DomainPending || d.ProofToken == "" || !d.VerifiedAt.IsZero() {
			t.Errorf("%+v", d)
		}
		want := directory.Proof{
			TXTName: "_sallyport-challenge.xn--bcher-kva.example", TXTValue: "sallyport-verification=" + d.ProofToken,
			FileURL:  "https://xn--bcher-kva.example/.well-known/sallyport-verification.txt",
			FileBody: "sallyport-verification=" + d.ProofToken,
		}
		if proof != want {
			t.Errorf("%+v\n not %+v", proof, want)
		}
		if other := p.Organization(t, "Globex").Claim(t, "bücher.example"); other.ProofToken == d.ProofToken {
			t.Error("two claims have one token")
		}
		acme.Recorded(t, audit.DomainClaimed)
	})
}

// long63 is the longest label; longName with .test is as long as a name can be
// (RFC 1035, section 3.1).
var (
	long63   = strings.Repeat("x", 63)
	longName = long63 + "." + long63 + "." + long63 + "." + strings.Repeat("x", 56)
)

func TestWhatCanNotBeClaimed(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	for name, code := range map[string]fault.Code{
		"":                 fault.CodeInvalid,
		"acme":             fault.CodeInvalid,
		"localhost":        fault.CodeInvalid,
		"user@acme.test":   fault.CodeInvalid,
		"127.0.0.1":        fault.CodeInvalid,
		"co.uk":            fault.DomainPublic,
		"CO.UK":            fault.DomainPublic,
		"github.io":        fault.DomainPublic,
		"blogspot.com":     fault.DomainPublic,
		"公司.cn":            fault.DomainPublic,
		"acme.co.uk":       "",
		"acme.github.io":   "",
		"mail.acme.com":    "",
		"acme.test":        "",
		"acme.example":     "",
		"_dmarc.acme.test": fault.CodeInvalid,

		"gmail.com":           fault.DomainPublic,
		"GMail.COM.":          fault.DomainPublic,
		"outlook.de":          fault.DomainPublic,
		"web.de":              fault.DomainPublic,
		"qq.com":              fault.DomainPublic,
		"icloud.com":          fault.DomainPublic,
		"yahoo.co.uk":         fault.DomainPublic,
		"gmx.net":             fault.DomainPublic,
		"mailinator.com":      fault.DomainPublic,
		"corp.gmail.com":      "", // whoever has its DNS is no customer of the mail service
		"notgmail.com":        "",
		"test":                fault.CodeInvalid,
		"com":                 fault.CodeInvalid,
		"app.localhost":       fault.CodeInvalid,
		"localhost.":          fault.CodeInvalid,
		"[127.0.0.1]":         fault.CodeInvalid,
		"[::1]":               fault.CodeInvalid,
		"::1":                 fault.CodeInvalid,
		"2130706433":          fault.CodeInvalid,
		"0x7f.1":              fault.CodeInvalid,
		"1.2.3":               fault.CodeInvalid,
		"acme..test":          fault.CodeInvalid,
		".acme.test":          fault.CodeInvalid,
		"*.acme.test":         fault.CodeInvalid,
		"-acme.test":          fault.CodeInvalid,
		"acme-.test":          fault.CodeInvalid,
		"ac me.test":          fault.CodeInvalid,
		"acme.test/path":      fault.CodeInvalid,
		"https://acme.test":   fault.CodeInvalid,
		"acme.test:443":       fault.CodeInvalid,
		"acme.test\x00":       fault.CodeInvalid,
		"acme.test\nx":        fault.CodeInvalid,
		"acme\u202e.test":     fault.CodeInvalid,
		"xn--a.test":          fault.CodeInvalid, // decodes to nothing
		"xn--zz-.test":        fault.CodeInvalid,
		"\u0628a.test":        fault.CodeInvalid, // mixes directions
		"<script>.test":       fault.CodeInvalid,
		"=cmd.test":           fault.CodeInvalid,
		"' or 1=1 --.test":    fault.CodeInvalid,
		"acme.invalid":        "",
		"xn--bcher-kva.test":  "",
		long63 + ".test":      "",
		long63 + "x.test":     fault.CodeInvalid,
		longName + ".test":    "",
		longName + "xxx.test": fault.CodeInvalid,
	} {
		_, err := p.Directory.ClaimDomain(t.Context(), operator, acme.ID, name)
		if got := parts.Code(err); got != code {
			t.Errorf("%q: %q, not %q", name, got, code)
		}
		if code == fault.CodeInvalid && fmt.Sprint(parts.Fields(err)) != "[name]" {
			t.Errorf("%q: %v", name, parts.Fields(err))
		}
	}
	_, err := p.Directory.ClaimDomain(t.Context(), operator, acme.ID, "ACME.Test")
	parts.Refused(t, err, fault.Conflict)
	_, err = p.Directory.ClaimDomain(t.Context(), operator, "org_none", "acme.test")
	parts.Refused(t, err, fault.NotFound)
}

func TestAnOrganizationHasAHundredDomainsAtMost(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		for i := range 100 {
			acme.Claim(t, fmt.Sprintf("acme%d.test", i))
		}
		_, err := p.Directory.ClaimDomain(t.Context(), operator, acme.ID, "more.test")
		parts.Refused(t, err, fault.Conflict)
		p.Organization(t, "Globex").Claim(t, "more.test")
	})
}

func TestOneOrganizationAtATimeHoldsADomain(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		d, claim := acme.Domain(t, "acme.test"), globex.Claim(t, "acme.test")
		holder := func() (name string) {
			p.View(t, func(tx *db.Tx) error {
				h, held, err := p.Directory.Holder(tx, "acme.test")
				if held {
					name = h.OrganizationID
				}
				return err
			})
			return name
		}
		for _, status := range []access.DomainStatus{access.DomainVerified, access.DomainLapsing, access.DomainFrozen} {
			p.Status(t, d, status)
			_, err := p.Directory.VouchForDomain(t.Context(), operator, claim.ID)
			parts.Refused(t, err, fault.DomainVerifiedElsewhere)
			if holder() != acme.ID {
				t.Errorf("%s: held by %q", status, holder())
			}
		}
		p.Status(t, d, access.DomainPending)
		if holder() != "" {
			t.Errorf("a pending claim holds: %q", holder())
		}
		if _, err := p.Directory.VouchForDomain(t.Context(), operator, claim.ID); err != nil || holder() != globex.ID {
			t.Errorf("%v, held by %q", err, holder())
		}
	})
}

func TestTwoProofsAtOnceMakeOneHolder(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		var claims []directory.Domain
		for i := range 8 {
			claims = append(claims, p.Organization(t, fmt.Sprint("Organization ", i)).Claim(t, "acme.test"))
		}
		errs := together(len(claims), func(i int) error {
			_, err := p.Directory.VouchForDomain(t.Context(), operator, claims[i].ID)
			return err
		})
		if got := tally(errs); got[""] != 1 || got[fault.DomainVerifiedElsewhere] != 7 {
			t.Error(got)
		}
		if n := p.Count(t, "select count(*) from domains where status = 'verified'"); n != 1 {
			t.Errorf("%d holders", n)
		}
	})
}

// together runs n functions at once.
func together(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wait.Wait()
	return errs
}

// tally counts errors by their code.
func tally(errs []error) map[fault.Code]int {
	got := map[fault.Code]int{}
	for _, err := range errs {
		got[parts.Code(err)]++
	}
	return got
}

func TestVouchingIsForTheOperator(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Claim(t, "acme.test")
		for _, actor := range []access.Actor{acme.Actor(access.RoleOwner), acme.Token(access.ScopeAdmin)} {
			_, err := p.Directory.VouchForDomain(t.Context(), actor, d.ID)
			parts.Refused(t, err, fault.Forbidden)
		}
		d, err := p.Directory.VouchForDomain(t.Context(), operator, d.ID)
		if err != nil || d.Status != access.DomainVerified || !d.VerifiedAt.Equal(p.Now()) {
			t.Errorf("%+v, %v", d, err)
		}
		before := len(acme.Events(t))
		if _, err := p.Directory.VouchForDomain(t.Context(), operator, d.ID); err != nil || len(acme.Events(t)) != before {
			t.Errorf("again: %v", err)
		}
		p.Status(t, d, access.DomainFrozen)
		if d, err = p.Directory.VouchForDomain(t.Context(), operator, d.ID); err != nil || d.Status != access.DomainVerified {
			t.Errorf("frozen: %+v, %v", d, err)
		}
		_, err = p.Directory.VouchForDomain(t.Context(), operator, "dom_none")
		parts.Refused(t, err, fault.NotFound)
	})
}

func TestADomainInUseStays(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		user, profile := acme.User(t, "user@acme.test", access.RoleMember), acme.Profile(t)
		remove := func() error { return p.Directory.DeleteDomain(t.Context(), operator, d.ID) }

		profile.Enforce(t, d)
		parts.Refused(t, remove(), fault.DomainInUse)
		p.Status(t, d, access.DomainFrozen)
		parts.Refused(t, remove(), fault.DomainInUse)
		p.Release(t, d)
		p.SetSSO(t, user.ID, access.SSOEnabled, profile.ID)
		parts.Refused(t, remove(), fault.DomainInUse)
		p.SetSSO(t, user.ID, access.SSODisabled, "")
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		acme.Recorded(t, audit.DomainDeleted)
		parts.Refused(t, remove(), fault.NotFound)
		if p.User(t, user.ID).OrganizationID != acme.ID {
			t.Error("the user is not managed any more")
		}
	})
}

func TestSomebodyElsesPilotKeepsNoDomain(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	d := acme.Domain(t, "acme.test")
	acme.User(t, "pilot@acme.test", access.RoleMember)
	p.SetSSO(t, p.User(t, userIDs(t, acme)[0]).ID, access.SSOEnabled, acme.Profile(t).ID)
	claim := globex.Claim(t, "acme.test")
	if err := p.Directory.DeleteDomain(t.Context(), operator, claim.ID); err != nil {
		t.Error(err)
	}
	parts.Refused(t, p.Directory.DeleteDomain(t.Context(), operator, d.ID), fault.DomainInUse)
}

func userIDs(t *testing.T, o *parts.Organization) (ids []string) {
	t.Helper()
	list, err := o.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: o.ID, Page: directory.Page{Limit: 200}})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range list.Items {
		ids = append(ids, v.User.ID)
	}
	return ids
}

func TestADomainOfAnotherOrganizationIsHidden(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	d := acme.Domain(t, "acme.test")
	owner := globex.Actor(access.RoleOwner)
	_, err := p.Directory.DomainByID(t.Context(), owner, d.ID)
	hidden := parts.Refused(t, err, fault.NotFound)
	_, err = p.Directory.DomainByID(t.Context(), owner, "dom_none")
	if nothing := parts.Refused(t, err, fault.NotFound); nothing.Error() != hidden.Error() {
		t.Errorf("hidden reads %q, nothing %q", hidden, nothing)
	}
	parts.Refused(t, p.Directory.DeleteDomain(t.Context(), owner, d.ID), fault.NotFound)
	_, err = p.Directory.Domains(t.Context(), owner, acme.ID, directory.Page{Limit: 10})
	parts.Refused(t, err, fault.NotFound)
}

func TestDeletingADomainAsksForAFreshSignIn(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	d := acme.Claim(t, "acme.test")
	stale := acme.Actor(access.RoleOwner)
	stale.Fresh = false
	err := p.Directory.DeleteDomain(t.Context(), stale, d.ID)
	if f := parts.Refused(t, err, fault.Forbidden); !strings.Contains(f.Detail, "sign in again") {
		t.Errorf("%v", f)
	}
	stale.Fresh = true
	if err := p.Directory.DeleteDomain(t.Context(), stale, d.ID); err != nil {
		t.Error(err)
	}
}
