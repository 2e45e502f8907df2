package audit_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/directory"
	"sallyport/internal/id"
	"sallyport/internal/testenv/parts"
)

// log appends events to the logs of their organizations, a second apart.
func log(t *testing.T, p *parts.Parts, actor access.Actor, events ...audit.Event) {
	t.Helper()
	for _, e := range events {
		p.Pass(time.Second)
		p.Update(t, actor, func(tx *db.Tx) error { return p.Audit.Append(tx, e) })
	}
}

func list(t *testing.T, p *parts.Parts, q audit.Query) (found []audit.Event) {
	t.Helper()
	p.View(t, func(tx *db.Tx) (err error) {
		found, err = p.Audit.List(tx, q)
		return err
	})
	return found
}

func TestAnEventSaysWhoDidWhatToWhatAndFromWhere(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		actor := access.Actor{Kind: access.KindUser, ID: "usr_1", Name: "owner@acme.test", Address: "192.0.2.1", Agent: "Browser"}
		sent := audit.Event{
			OrganizationID: "org_1", Action: audit.UserUpdated, Target: audit.Target{Kind: "user", ID: "usr_2", Name: "user@acme.test"},
			Changes: []audit.Change{{Field: "name", Old: "Old", New: "Zoë \"<&>"}, {Field: "sso", Old: true}, {Field: "number", New: 7.0}},
			Outcome: audit.Refused, Code: "forbidden", Reference: "att_1",
		}
		log(t, p, actor, sent)
		got := list(t, p, audit.Query{OrganizationID: "org_1", Limit: 10})
		if len(got) != 1 || !id.Event.Valid(got[0].ID) {
			t.Fatalf("%+v", got)
		}
		want := sent
		want.ID, want.Time = got[0].ID, p.Now()
		want.Actor = audit.Actor{Kind: "user", ID: "usr_1", Name: "owner@acme.test", Address: "192.0.2.1", Agent: "Browser"}
		if !reflect.DeepEqual(got[0], want) {
			t.Errorf("%+v\n not %+v", got[0], want)
		}
	})
}

func TestTheCallerCanNotSayWhoDidItAndWhen(t *testing.T) {
	p := parts.New(t, "sqlite")
	log(t, p, access.System("job"), audit.Event{ID: "evt_mine", Time: time.Unix(0, 0), Actor: audit.Actor{Kind: "user", ID: "usr_1"},
		OrganizationID: "org_1", Action: audit.UserUpdated})
	e := list(t, p, audit.Query{OrganizationID: "org_1", Limit: 1})[0]
	if e.ID == "evt_mine" || e.Time != p.Now() || e.Actor != (audit.Actor{Kind: "system", Name: "job"}) || len(e.Changes) != 0 {
		t.Errorf("%+v", e)
	}
}

func TestAnAnonymousActorIsCalledSo(t *testing.T) {
	p := parts.New(t, "sqlite")
	log(t, p, access.Actor{Address: "192.0.2.1"}, audit.Event{OrganizationID: "org_1", Action: audit.SignInRefused})
	if e := list(t, p, audit.Query{OrganizationID: "org_1", Limit: 1})[0]; e.Actor.Kind != "anonymous" || e.Actor.Address != "192.0.2.1" {
		t.Errorf("%+v", e.Actor)
	}
}

func TestALogIsOfOneOrganizationNewestFirst(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		begun := p.Now()
		owner := access.Actor{Kind: access.KindUser, ID: "usr_1", Name: "owner@acme.test"}
		for i := range 6 {
			log(t, p, owner, audit.Event{OrganizationID: "org_1", Action: audit.UserUpdated, Reference: fmt.Sprint(i)})
		}
		log(t, p, access.System("job"), audit.Event{OrganizationID: "org_1", Action: audit.UserRemoved, Reference: "6"},
			audit.Event{OrganizationID: "org_2", Action: audit.UserUpdated, Reference: "another's"},
			audit.Event{Action: audit.SecretsResealed, Reference: "nobody's"})
		all := list(t, p, audit.Query{OrganizationID: "org_1", Limit: 100})
		for _, c := range []struct {
			q    audit.Query
			want string
		}{
			{audit.Query{}, "6543210"},
			{audit.Query{Limit: 2}, "65"},
			{audit.Query{After: all[1].ID, Limit: 2}, "43"},
			{audit.Query{After: all[6].ID}, ""},
			{audit.Query{Action: "user.removed"}, "6"},
			{audit.Query{Action: "user"}, ""},
			{audit.Query{Actor: "usr_1"}, "543210"},
			{audit.Query{Actor: "owner@acme.test"}, "543210"},
			{audit.Query{Actor: "owner"}, ""},
			{audit.Query{Actor: "job"}, "6"},
			{audit.Query{Since: begun.Add(3 * time.Second)}, "65432"},
			{audit.Query{Until: begun.Add(3 * time.Second)}, "10"},
			{audit.Query{Since: begun.Add(3 * time.Second), Until: begun.Add(5 * time.Second)}, "32"},
			{audit.Query{Since: begun.AddDate(100, 0, 0)}, ""},
			{audit.Query{OrganizationID: "org_2"}, "another's"},
			{audit.Query{OrganizationID: "org_3"}, ""},
			{audit.Query{Actor: "' or ''='"}, ""},
		} {
			if c.q.OrganizationID == "" {
				c.q.OrganizationID = "org_1"
			}
			if c.q.Limit == 0 {
				c.q.Limit = 100
			}
			got := ""
			for _, e := range list(t, p, c.q) {
				got += e.Reference
			}
			if got != c.want {
				t.Errorf("%+v: %q, not %q", c.q, got, c.want)
			}
		}
		if n := len(list(t, p, audit.Query{Limit: 100})); n != 0 {
			t.Errorf("%d events of no organization are listed", n)
		}
	})
}

// TestNoSecretStandsInTheLog makes everything that has a secret, and looks for
// the secrets in every column.
func TestNoSecretStandsInTheLog(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		u := acme.User(t, "user@acme.test", access.RoleOwner)
		profile := acme.Profile(t)
		profile.Enforce(t, d)
		out, err := profile.Login(t, u.Email)
		if err != nil {
			t.Fatal(err)
		}
		word := "another quiet harbour"
		acme.Add(t, directory.NewUser{Email: "new@acme.test", Password: &word})
		var text strings.Builder
		for _, e := range acme.Events(t) {
			fmt.Fprintf(&text, "%+v\n", e)
		}
		for name, hidden := range map[string]string{
			"a session's token": out.SessionToken, "a password": parts.Password, "another": word, "a hash": "argon2", "a domain's proof": d.ProofToken,
		} {
			if hidden == "" || strings.Contains(text.String(), hidden) {
				t.Errorf("%s %q stands in the log", name, hidden)
			}
		}
	})
}

func TestALogIsReadByKindAndByTarget(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		of := func(action audit.Action, target string) audit.Event {
			return audit.Event{OrganizationID: "org_1", Action: action, Target: audit.Target{Kind: "user", ID: target}}
		}
		log(t, p, access.System("job"), of(audit.UserUpdated, "usr_1"), of(audit.UserRemoved, "usr_2"), of(audit.SignInRefused, "usr_1"), of("userx.odd", "usr_1"),
			audit.Event{OrganizationID: "org_2", Action: audit.UserUpdated, Target: audit.Target{Kind: "user", ID: "usr_1"}})
		for name, c := range map[string]struct {
			q    audit.Query
			want string
		}{
			"all of a kind":       {audit.Query{Action: "user."}, "user.removed user.updated"},
			"one":                 {audit.Query{Action: "user.updated"}, "user.updated"},
			"a target":            {audit.Query{TargetID: "usr_1"}, "userx.odd sign_in.refused user.updated"},
			"a kind and a target": {audit.Query{Action: "sign_in.", TargetID: "usr_1"}, "sign_in.refused"},
			"no pattern":          {audit.Query{Action: "%."}, ""},
			"no wildcard":         {audit.Query{Action: "sign_i_."}, ""},
			"nobody":              {audit.Query{TargetID: "usr_9"}, ""},
		} {
			c.q.OrganizationID, c.q.Limit = "org_1", 10
			var got []string
			for _, e := range list(t, p, c.q) {
				got = append(got, string(e.Action))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}
