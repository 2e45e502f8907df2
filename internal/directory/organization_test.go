package directory_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

var operator = parts.Operator()

func ptr[T any](v T) *T { return &v }

func TestANewOrganizationHasTheDefaults(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		o, err := p.Directory.CreateOrganization(t.Context(), operator, directory.NewOrganization{Name: "  Acme  "})
		if err != nil {
			t.Fatal(err)
		}
		want := directory.Organization{ID: o.ID, Name: "Acme", Edition: directory.Enterprise, Limits: session.DefaultLimits,
			InitialPassword: true, CreatedAt: p.Now()}
		if o != want {
			t.Errorf("%+v\n not %+v", o, want)
		}
		read, err := p.Directory.Organization(t.Context(), operator, o.ID)
		if err != nil || read != want {
			t.Errorf("read again: %+v, %v", read, err)
		}
	})
}

func TestAnOwnerIsInvitedWithTheOrganization(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		o, err := p.Directory.CreateOrganization(t.Context(), operator,
			directory.NewOrganization{Name: "Acme", Edition: directory.Standard, OwnerEmail: "Owner@acme.test"})
		if err != nil {
			t.Fatal(err)
		}
		list, err := p.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: o.ID, Page: directory.Page{Limit: 10}})
		if err != nil || len(list.Items) != 1 || list.Items[0].Invitation == nil {
			t.Fatalf("%+v, %v", list, err)
		}
		if i := list.Items[0].Invitation; i.Email != "Owner@acme.test" || i.Role != access.RoleOwner {
			t.Errorf("%+v", i)
		}
	})
}

func TestOrganizationsAreCheckedAllAtOnce(t *testing.T) {
	p := parts.New(t, "sqlite")
	_, err := p.Directory.CreateOrganization(t.Context(), operator,
		directory.NewOrganization{Name: " ", Edition: "gold", OwnerEmail: "owner"})
	parts.Refused(t, err, fault.CodeInvalid)
	if got := fmt.Sprint(parts.Fields(err)); got != "[name edition owner_email]" {
		t.Error(got)
	}
	if strings.Contains(err.Error(), "gold") {
		t.Errorf("the value is repeated: %v", err)
	}
}

func TestSettingsHaveBounds(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		for _, c := range []struct {
			idle, most int64
			field      string
		}{
			{5, 15, ""}, {1440, 43200, ""}, {60, 720, ""},
			{4, 15, "session_idle_minutes"}, {1441, 15, "session_idle_minutes"}, {0, 15, "session_idle_minutes"},
			{-5, 15, "session_idle_minutes"}, {1 << 40, 15, "session_idle_minutes"},
			{5, 14, "session_max_minutes"}, {5, 43201, "session_max_minutes"}, {5, -1 << 62, "session_max_minutes"},
		} {
			o, err := p.Directory.UpdateOrganization(t.Context(), operator, acme.ID,
				directory.OrganizationChange{SessionIdleMinutes: &c.idle, SessionMaxMinutes: &c.most})
			if c.field != "" {
				parts.Refused(t, err, fault.CodeInvalid)
				if got := parts.Fields(err); !reflect.DeepEqual(got, []string{c.field}) {
					t.Errorf("%d/%d: %v", c.idle, c.most, got)
				}
				continue
			}
			if want := (session.Limits{Idle: time.Duration(c.idle) * time.Minute, Max: time.Duration(c.most) * time.Minute}); err != nil || o.Limits != want {
				t.Errorf("%d/%d: %+v, %v", c.idle, c.most, o.Limits, err)
			}
		}
	})
}

func TestAChangeOfSettingsIsRecordedWithBeforeAndAfter(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		acme.Set(t, directory.OrganizationChange{Name: ptr("Acme Rockets"), Edition: ptr(directory.Standard), InitialPassword: ptr(false)})
		got := acme.Recorded(t, audit.OrganizationUpdated).Changes
		want := []audit.Change{
			{Field: "name", Old: "Acme", New: "Acme Rockets"}, {Field: "edition", Old: "enterprise", New: "standard"},
			{Field: "initial_password_required", Old: true, New: false},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%v\n not %v", got, want)
		}
		before := len(acme.Events(t))
		acme.Set(t, directory.OrganizationChange{Name: ptr(" Acme Rockets ")})
		acme.Set(t, directory.OrganizationChange{})
		if n := len(acme.Events(t)); n != before {
			t.Errorf("%d events of changes that change nothing", n-before)
		}
	})
}

func TestOnlyTheOperatorMakesOrganizationsAndSetsTheirEdition(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	for _, actor := range []access.Actor{acme.Actor(access.RoleOwner), acme.Token(access.ScopeAdmin)} {
		_, err := p.Directory.CreateOrganization(t.Context(), actor, directory.NewOrganization{Name: "Mine"})
		parts.Refused(t, err, fault.Forbidden)
		_, err = p.Directory.UpdateOrganization(t.Context(), actor, acme.ID, directory.OrganizationChange{Edition: ptr(directory.Standard)})
		parts.Refused(t, err, fault.Forbidden)
		if _, err = p.Directory.UpdateOrganization(t.Context(), actor, acme.ID, directory.OrganizationChange{Name: ptr("Renamed")}); err != nil {
			t.Error(err)
		}
	}
	_, err := p.Directory.UpdateOrganization(t.Context(), operator, "org_none", directory.OrganizationChange{})
	parts.Refused(t, err, fault.NotFound)
}

func TestEditions(t *testing.T) {
	for e, includes := range map[directory.Edition]bool{
		directory.Standard: false, directory.Administration: true, directory.Enterprise: true, "": false, "gold": false,
	} {
		o := directory.Organization{Edition: e}
		if e.IncludesSSO() != includes || (o.RequireSSO() == nil) != includes {
			t.Errorf("%q includes SSO: %v, %v", e, e.IncludesSSO(), o.RequireSSO())
		}
		if valid := e != "" && e != "gold"; e.Valid() != valid {
			t.Errorf("%q is valid: %v", e, e.Valid())
		}
	}
	o := directory.Organization{Edition: directory.Standard}
	parts.Refused(t, o.RequireSSO(), fault.EditionRequired)
}

func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"Acme": "Acme", "  Acme  ": "Acme", "": "", "Ümlaut & <Sons>": "Ümlaut & <Sons>", "日本語": "日本語",
		"\u0915\u094d\u200d\u0937": "\u0915\u094d\u200d\u0937", // a joiner that the script needs
		strings.Repeat("é", 200):   strings.Repeat("é", 200),
	} {
		if got, wrong := directory.CleanName(name, false); got != want || wrong != "" {
			t.Errorf("%q: %q, %s", name, got, wrong)
		}
	}
	for _, name := range []string{
		"a\nb", "a\x00b", "a\u202eb", "a\u2066b", "\u200b", "a\ufeffb", "a\u2028b", "a\u0085b", "\xff", strings.Repeat("é", 201),
	} {
		if got, wrong := directory.CleanName(name, false); wrong == "" {
			t.Errorf("%q: %q", name, got)
		}
	}
	if _, wrong := directory.CleanName("  ", true); wrong != "is needed" {
		t.Error(wrong)
	}
}
