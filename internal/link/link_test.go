package link_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/link"
	"sallyport/internal/testenv/parts"
)

// issue issues a link and returns its secret.
func issue(t *testing.T, p *parts.Parts, purpose link.Purpose, subject string) (token string) {
	t.Helper()
	p.Update(t, access.System("test"), func(tx *db.Tx) error {
		url, until, err := p.Links.Issue(tx, purpose, subject)
		prefix := parts.BaseURL + "/" + string(purpose) + "/"
		if !strings.HasPrefix(url, prefix) || !until.Equal(tx.Now().Add(purpose.Life())) {
			t.Errorf("%s until %v", url, until)
		}
		token = strings.TrimPrefix(url, prefix)
		return err
	})
	return token
}

// code is what finding a link is answered with; empty if it is good.
func code(t *testing.T, p *parts.Parts, purpose link.Purpose, token string) fault.Code {
	t.Helper()
	var err error
	p.View(t, func(tx *db.Tx) error {
		_, err = p.Links.Find(tx, purpose, token)
		return nil
	})
	return parts.Code(err)
}

func do(t *testing.T, p *parts.Parts, fn func(tx *db.Tx) error) {
	t.Helper()
	p.Update(t, access.System("test"), fn)
}

func TestWhatBecomesOfLinks(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		first, second := issue(t, p, link.Reset, "usr_a"), issue(t, p, link.Reset, "usr_a")
		invitation, other := issue(t, p, link.Invitation, "usr_a"), issue(t, p, link.Reset, "usr_b")
		want := func(when string, wanted map[string]fault.Code) {
			t.Helper()
			for name, token := range map[string]string{"first": first, "second": second, "invitation": invitation, "other": other} {
				purpose := link.Reset
				if name == "invitation" {
					purpose = link.Invitation
				}
				for range 3 { // looking changes nothing
					if got := code(t, p, purpose, token); got != wanted[name] {
						t.Errorf("%s: %s is %q, not %q", when, name, got, wanted[name])
					}
				}
			}
		}
		want("at first", map[string]fault.Code{})
		if got := code(t, p, link.Invitation, first); got != fault.LinkExpired {
			t.Errorf("with another purpose: %q", got)
		}
		for _, token := range []string{"", "x", first + "x", strings.ToLower(first)} {
			if got := code(t, p, link.Reset, token); got != fault.LinkExpired {
				t.Errorf("%q: %q", token, got)
			}
		}
		do(t, p, func(tx *db.Tx) error {
			l, err := p.Links.Find(tx, link.Reset, first)
			if err != nil {
				return err
			}
			return p.Links.Use(tx, l)
		})
		want("after one was used", map[string]fault.Code{"first": fault.LinkUsed, "second": fault.LinkUsed})
		do(t, p, func(tx *db.Tx) error { return p.Links.End(tx, "", "usr_a") })
		want("after the end of all of a's", map[string]fault.Code{"first": fault.LinkUsed, "second": fault.LinkUsed, "invitation": fault.LinkExpired})
		p.Pass(time.Hour)
		if got := code(t, p, link.Reset, other); got != fault.LinkExpired {
			t.Errorf("after an hour: %q", got)
		}
		if err := p.Links.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from one_time_links") != 4 {
			t.Errorf("purged too early: %v", err)
		}
		p.Pass(100 * 24 * time.Hour)
		if err := p.Links.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from one_time_links") != 0 {
			t.Errorf("not purged: %v", err)
		}
	})
}

// TestLives are those of the contract.
func TestLives(t *testing.T) {
	for p, life := range map[link.Purpose]time.Duration{link.Invitation: 7 * 24 * time.Hour, link.Reset: time.Hour, link.VerifyEmail: 24 * time.Hour, link.Recovery: 15 * time.Minute} {
		if p.Life() != life {
			t.Errorf("%s lives %v", p, p.Life())
		}
	}
}

// TestTheDatabaseHoldsNoLink that anybody could use.
func TestTheDatabaseHoldsNoLink(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		token := issue(t, p, link.Reset, "usr_a")
		if p.Count(t, "select count(*) from one_time_links where token_hash = $1", []byte(token)) != 0 {
			t.Error("the token itself stands there")
		}
	})
}
