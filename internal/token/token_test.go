package token_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/testenv/parts"
	"sallyport/internal/token"
)

var operator = parts.Operator()

func create(t *testing.T, p *parts.Parts, actor access.Actor, in token.NewToken) (token.Token, string) {
	t.Helper()
	p.Pass(time.Millisecond)
	tok, secret, err := p.Tokens.Create(t.Context(), actor, in)
	if err != nil {
		t.Fatal(err)
	}
	return tok, secret
}

// authenticate returns the actor of a secret, or the code of the refusal.
func authenticate(t *testing.T, p *parts.Parts, secret string) (access.Actor, fault.Code) {
	t.Helper()
	actor, err := p.Tokens.Authenticate(t.Context(), secret)
	return actor, parts.Code(err)
}

func TestParseLife(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "30m": 30 * time.Minute, "12h": 12 * time.Hour, "7d": 7 * 24 * time.Hour, "1m": time.Minute, "365d": 365 * 24 * time.Hour,
	} {
		if got, err := token.ParseLife(text); got != want || err != nil {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"m", "7", "7w", "7 d", " 7d", "-7d", "0d", "1.5h", "1h30m", "d7", "7D", "1000001d", "99999999999999999999d", "７d", "1e3d"} {
		if got, err := token.ParseLife(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestATokenIsItsActor(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		admin := acme.User(t, "admin@acme.test", access.RoleAdministrator)
		for name, c := range map[string]struct {
			maker access.Actor
			in    token.NewToken
			want  access.Actor
		}{
			"operator-wide":      {operator, token.NewToken{Name: "one", Scope: access.ScopeAdmin}, access.Actor{Operator: true, Scope: access.ScopeAdmin, Role: access.RoleOwner}},
			"by the operator":    {operator, token.NewToken{Name: "one", OrganizationID: acme.ID, Scope: access.ScopeUsers}, access.Actor{OrganizationID: acme.ID, Scope: access.ScopeUsers, Role: access.RoleOwner}},
			"by an owner":        {parts.As(owner), token.NewToken{Name: "one", OrganizationID: acme.ID, Scope: access.ScopeAdmin}, access.Actor{OrganizationID: acme.ID, Scope: access.ScopeAdmin, Role: access.RoleOwner, MakerID: owner.ID}},
			"by an adminstrator": {parts.As(admin), token.NewToken{Name: "one", OrganizationID: acme.ID, Scope: access.ScopeRead}, access.Actor{OrganizationID: acme.ID, Scope: access.ScopeRead, Role: access.RoleAdministrator, MakerID: admin.ID}},
		} {
			tok, secret := create(t, p, c.maker, c.in)
			c.want.Kind, c.want.ID, c.want.Name = access.KindToken, tok.ID, "one"
			if got, code := authenticate(t, p, secret); got != c.want || code != "" {
				t.Errorf("%s:\n got %+v, %s\nwant %+v", name, got, code, c.want)
			}
			if !strings.HasPrefix(secret, "slp_") || len(secret) != 47 {
				t.Errorf("%s: %q", name, secret)
			}
			if p.Count(t, "select count(*) from api_tokens where name = $1 or id = $1", secret) != 0 {
				t.Error("the secret stands in the table")
			}
		}
	})
}

func TestNoOtherSecretIsAToken(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		tok, secret := create(t, p, operator, token.NewToken{Scope: access.ScopeAdmin})
		for _, wrong := range []string{"", "slp_", secret + "A", secret[:len(secret)-1], secret[4:], strings.ToUpper(secret), "SLP_" + secret[4:], tok.ID, "slp_" + tok.ID, "slp_' or ''='"} {
			if actor, code := authenticate(t, p, wrong); actor != (access.Actor{}) || code != fault.Unauthenticated {
				t.Errorf("%q: %+v, %s", wrong, actor, code)
			}
		}
	})
}

func TestATokenEndsWithItsLife(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		tok, secret := create(t, p, operator, token.NewToken{Scope: access.ScopeAdmin, Life: time.Hour})
		_, byDefault := create(t, p, operator, token.NewToken{Scope: access.ScopeAdmin})
		p.Pass(tok.ExpiresAt.Sub(p.Now()) - time.Microsecond)
		if _, code := authenticate(t, p, secret); code != "" {
			t.Error(code)
		}
		p.Pass(time.Microsecond)
		if _, code := authenticate(t, p, secret); code != fault.TokenExpired {
			t.Error(code)
		}
		p.Pass(30*24*time.Hour - time.Hour - time.Millisecond)
		if _, code := authenticate(t, p, byDefault); code != "" {
			t.Error(code)
		}
		p.Pass(2 * time.Millisecond) // the one by which it is younger, too
		if _, code := authenticate(t, p, byDefault); code != fault.TokenExpired {
			t.Error(code)
		}
	})
}

func TestWhatATokenMayBe(t *testing.T) {
	p := parts.New(t, "sqlite")
	for name, c := range map[string]struct {
		in     token.NewToken
		fields string
	}{
		"good":                {token.NewToken{Name: "x", Scope: access.ScopeAudit, Life: time.Minute}, "[]"},
		"the longest":         {token.NewToken{Scope: access.ScopeAudit, Life: 366 * 24 * time.Hour}, "[]"},
		"everything wrong":    {token.NewToken{Name: "a\nb", Scope: "root", Life: time.Second}, "[name scope expires]"},
		"no scope":            {token.NewToken{}, "[scope]"},
		"for ever":            {token.NewToken{Scope: access.ScopeAudit, Life: 367 * 24 * time.Hour}, "[expires]"},
		"ended when it began": {token.NewToken{Scope: access.ScopeAudit, Life: -time.Hour}, "[expires]"},
	} {
		_, _, err := p.Tokens.Create(t.Context(), operator, c.in)
		if got := fmt.Sprint(parts.Fields(err)); got != c.fields {
			t.Errorf("%s: %v, not %s", name, err, c.fields)
		}
	}
	_, _, err := p.Tokens.Create(t.Context(), operator, token.NewToken{OrganizationID: "org_none", Scope: access.ScopeRead})
	parts.Refused(t, err, fault.NotFound)
}

func TestWhoMakesTokens(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
	stale := acme.Actor(access.RoleOwner)
	stale.Fresh = false
	for name, c := range map[string]struct {
		actor        access.Actor
		organization string
		scope        access.Scope
		want         fault.Code
	}{
		"an owner":                                  {acme.Actor(access.RoleOwner), acme.ID, access.ScopeAdmin, ""},
		"an owner after a while":                    {stale, acme.ID, access.ScopeAdmin, fault.Forbidden},
		"an administrator, to read":                 {acme.Actor(access.RoleAdministrator), acme.ID, access.ScopeRead, ""},
		"an administrator, for more":                {acme.Actor(access.RoleAdministrator), acme.ID, access.ScopeUsers, fault.Forbidden},
		"a member":                                  {acme.Actor(access.RoleMember), acme.ID, access.ScopeRead, fault.Forbidden},
		"a token of the scope admin":                {acme.Token(access.ScopeAdmin), acme.ID, access.ScopeAdmin, ""},
		"a token of another scope":                  {acme.Token(access.ScopeUsers), acme.ID, access.ScopeUsers, fault.Forbidden},
		"a token that reads":                        {acme.Token(access.ScopeRead), acme.ID, access.ScopeRead, fault.Forbidden},
		"an owner elsewhere":                        {globex.Actor(access.RoleOwner), acme.ID, access.ScopeRead, fault.NotFound},
		"an owner, operator-wide":                   {acme.Actor(access.RoleOwner), "", access.ScopeRead, fault.NotFound},
		"a token of an organization, operator-wide": {acme.Token(access.ScopeAdmin), "", access.ScopeAdmin, fault.NotFound},
		"nobody": {access.Actor{}, acme.ID, access.ScopeRead, fault.Unauthenticated},
	} {
		_, _, err := p.Tokens.Create(t.Context(), c.actor, token.NewToken{OrganizationID: c.organization, Scope: c.scope})
		if got := parts.Code(err); got != c.want {
			t.Errorf("%s: %v, not %q", name, err, c.want)
		}
	}
}

func TestATokenEndsWhenItsMakerLosesTheRole(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.User(t, "first@acme.test", access.RoleOwner)
		n := 0
		for name, c := range map[string]struct {
			role   access.Role
			scope  access.Scope
			change func(u directory.User)
			ends   bool
		}{
			"an owner becomes an administrator": {access.RoleOwner, access.ScopeAdmin, func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Role: role(access.RoleAdministrator)}) }, true},
			"and had a token that reads":        {access.RoleOwner, access.ScopeRead, func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Role: role(access.RoleAdministrator)}) }, false},
			"an administrator becomes a member": {access.RoleAdministrator, access.ScopeRead, func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Role: role(access.RoleMember)}) }, true},
			"an administrator becomes an owner": {access.RoleAdministrator, access.ScopeRead, func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Role: role(access.RoleOwner)}) }, false},
			"the maker is deactivated":          {access.RoleOwner, access.ScopeAdmin, func(u directory.User) { p.SetStatus(t, u.ID, access.UserDeactivated) }, true},
			"the maker is removed":              {access.RoleOwner, access.ScopeAdmin, func(u directory.User) { check(t, p.Directory.RemoveUser(t.Context(), operator, u.ID)) }, true},
			"the maker is deleted":              {access.RoleOwner, access.ScopeAdmin, func(u directory.User) { p.Exec(t, "delete from users where id = $1", u.ID) }, true},
			"the maker is renamed":              {access.RoleOwner, access.ScopeAdmin, func(u directory.User) { p.Change(t, u.ID, directory.UserChange{Name: &u.Email}) }, false},
		} {
			n++
			u := acme.User(t, fmt.Sprintf("maker%d@acme.test", n), c.role)
			_, secret := create(t, p, parts.As(u), token.NewToken{OrganizationID: acme.ID, Scope: c.scope})
			c.change(u)
			actor, code := authenticate(t, p, secret)
			if c.ends != (code == fault.Unauthenticated) {
				t.Errorf("%s: %q, ends: %v", name, code, c.ends)
			}
			if now := p.Count(t, "select count(*) from users where id = $1", u.ID); !c.ends && now == 1 && actor.Role != p.User(t, u.ID).Role {
				t.Errorf("%s: the token has the role %q", name, actor.Role)
			}
		}
	})
}

func role(r access.Role) *access.Role { return &r }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestATokenOfATokenHasTheSameMaker(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.User(t, "first@acme.test", access.RoleOwner)
		owner := acme.User(t, "owner@acme.test", access.RoleOwner)
		_, parent := create(t, p, parts.As(owner), token.NewToken{OrganizationID: acme.ID, Scope: access.ScopeAdmin})
		actor, _ := authenticate(t, p, parent)
		_, child := create(t, p, actor, token.NewToken{OrganizationID: acme.ID, Scope: access.ScopeAdmin})
		if got, _ := authenticate(t, p, child); got.MakerID != owner.ID {
			t.Errorf("%+v", got)
		}
		p.SetStatus(t, owner.ID, access.UserDeactivated)
		if _, code := authenticate(t, p, child); code != fault.Unauthenticated {
			t.Errorf("the child outlives the maker's role: %q", code)
		}
	})
}

func TestTokensAreListedAndDeletedByTheirOwn(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		wide, wideSecret := create(t, p, operator, token.NewToken{Scope: access.ScopeAdmin})
		one, secret := create(t, p, operator, token.NewToken{OrganizationID: acme.ID, Scope: access.ScopeAdmin})
		two, _ := create(t, p, operator, token.NewToken{OrganizationID: acme.ID, Scope: access.ScopeRead})
		list := func(actor access.Actor, organization string, page directory.Page) (ids []string, code fault.Code) {
			found, err := p.Tokens.List(t.Context(), actor, organization, page)
			for _, tok := range found {
				ids = append(ids, tok.ID)
			}
			return ids, parts.Code(err)
		}
		all := directory.Page{Limit: 10}
		for name, c := range map[string]struct {
			actor        access.Actor
			organization string
			page         directory.Page
			want         string
		}{
			"all of the own":          {acme.Actor(access.RoleAdministrator), acme.ID, all, fmt.Sprint([]string{two.ID, one.ID}, "")},
			"a page of them":          {acme.Actor(access.RoleAdministrator), acme.ID, directory.Page{After: two.ID, Limit: 1}, fmt.Sprint([]string{one.ID}, "")},
			"none of another's":       {globex.Actor(access.RoleOwner), acme.ID, all, fmt.Sprint([]string(nil), "not_found")},
			"operator-wide ones":      {operator, "", all, fmt.Sprint([]string{wide.ID}, "")},
			"not for an organization": {acme.Actor(access.RoleOwner), "", all, fmt.Sprint([]string(nil), "not_found")},
			"not to read":             {acme.Token(access.ScopeRead), acme.ID, all, fmt.Sprint([]string(nil), "forbidden")},
		} {
			ids, code := list(c.actor, c.organization, c.page)
			if got := fmt.Sprint(ids, string(code)); got != c.want {
				t.Errorf("%s: %s, not %s", name, got, c.want)
			}
		}
		parts.Refused(t, p.Tokens.Delete(t.Context(), globex.Actor(access.RoleOwner), one.ID), fault.NotFound)
		parts.Refused(t, p.Tokens.Delete(t.Context(), acme.Actor(access.RoleOwner), wide.ID), fault.NotFound)
		parts.Refused(t, p.Tokens.Delete(t.Context(), operator, "tok_none"), fault.NotFound)
		check(t, p.Tokens.Delete(t.Context(), acme.Actor(access.RoleAdministrator), one.ID))
		if _, code := authenticate(t, p, secret); code != fault.Unauthenticated {
			t.Error(code)
		}
		if _, code := authenticate(t, p, wideSecret); code != "" {
			t.Error(code)
		}
		if e := acme.Recorded(t, audit.TokenDeleted); e.Target.ID != one.ID {
			t.Errorf("%+v", e)
		}
		acme.Recorded(t, audit.TokenCreated)
	})
}

func TestWhetherThereIsAnOperatorToken(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		has := func() bool {
			t.Helper()
			has, err := p.Tokens.HasOperatorToken(t.Context())
			check(t, err)
			return has
		}
		create(t, p, operator, token.NewToken{OrganizationID: p.Organization(t, "Acme").ID, Scope: access.ScopeAdmin})
		if has() {
			t.Error("an organization's token counts")
		}
		create(t, p, operator, token.NewToken{Scope: access.ScopeRead, Life: time.Hour})
		if !has() {
			t.Error("there is one")
		}
		if p.Pass(time.Hour); has() {
			t.Error("it has expired")
		}
	})
}

func TestPurgeKeepsExpiredTokensForNinetyDays(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		create(t, p, operator, token.NewToken{Scope: access.ScopeRead, Life: time.Hour})
		left := func() int {
			t.Helper()
			check(t, p.Tokens.Purge(t.Context()))
			return p.Count(t, "select count(*) from api_tokens")
		}
		if p.Pass(time.Hour + 90*24*time.Hour); left() != 1 {
			t.Error("gone too early")
		}
		if p.Pass(time.Millisecond); left() != 0 {
			t.Error("not gone")
		}
	})
}

// TestADatabaseThatFailsIsNotAWrongToken: a program must not throw its token
// away because we are busy.
func TestADatabaseThatFailsIsNotAWrongToken(t *testing.T) {
	p := parts.New(t, "sqlite")
	_, secret := create(t, p, operator, token.NewToken{Scope: access.ScopeRead})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Tokens.Authenticate(ctx, secret); err == nil || errors.Is(err, fault.Unauthenticated) {
		t.Error(err)
	}
}
