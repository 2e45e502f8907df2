package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/db"
	"sallyport/internal/fault"
	"sallyport/internal/record"
	"sallyport/internal/signin"
	"sallyport/internal/sso"
	"sallyport/internal/testenv/parts"
	"sallyport/saml/samltest"
)

const secretValue = "Zürich & <secret>"

func secretAttribute(r *samltest.Response) {
	badAudience(r)
	r.Assertion.Attributes = []samltest.Attribute{{Name: "office", Values: []string{secretValue, "second value"}}}
}

func TestValuesOfAttributesAreHiddenUntilAskedFor(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		req, _ := s.Start(t, "")
		_, err := p.Consume(t, s.Answer(req.ID, s.user.Email, secretAttribute))
		attempt := reference(t, err, fault.SAMLAudienceMismatch)
		r := get(t, p, attempt)
		text := r.Message.Readable()
		if !r.Hidden || strings.Contains(text, "rich") || strings.Contains(text, "second value") || !strings.Contains(text, "office") || !strings.Contains(text, "</saml") {
			t.Errorf("hidden: %s", text)
		}
		if len(r.Attributes) != 1 || r.Attributes[0].Name != "office" || len(r.Attributes[0].Values) != 2 || strings.Contains(strings.Join(r.Attributes[0].Values, ""), "e") {
			t.Errorf("%+v", r.Attributes)
		}
		owner := access.Actor{Kind: access.KindUser, ID: "usr_1", Name: "owner@acme.test", OrganizationID: s.Organization.ID, Role: access.RoleOwner}
		if r, err = p.Record.Reveal(t.Context(), owner, attempt); err != nil || r.Hidden || r.Attributes[0].Values[0] != secretValue || !strings.Contains(r.Message.Readable(), "second value") {
			t.Errorf("%+v %v", r, err)
		}
		if e := s.Recorded(t, audit.SignInRevealed); e.Target.ID != attempt || e.Actor.Name != "owner@acme.test" {
			t.Errorf("%+v", e)
		}
	})
}

// TestNoValueShowsWithoutAskingForIt plants a value wherever an Identity Provider
// could put one, and in what is no message at all.
func TestNoValueShowsWithoutAskingForIt(t *testing.T) {
	const marker = "planted-7f3a"
	p := parts.New(t, "sqlite")
	s := newScene(t, p)
	edited := func(old, new string) func(r *samltest.Response) {
		return func(r *samltest.Response) {
			secretAttribute(r)
			r.AfterSigning = func(x string) string {
				if !strings.Contains(x, old) {
					t.Fatalf("no %s in %s", old, x)
				}
				return strings.Replace(x, old, new, 1)
			}
		}
	}
	for name, edit := range map[string]func(r *samltest.Response){
		"a value": func(r *samltest.Response) {
			badAudience(r)
			r.Assertion.Attributes = []samltest.Attribute{{Name: "office", Values: []string{marker, "<b>" + marker + "</b>"}}}
		},
		"an encrypted one": func(r *samltest.Response) {
			badAudience(r)
			r.Assertion.Attributes = []samltest.Attribute{{Name: "office", Values: []string{marker}}}
			r.AssertionEncryption = &samltest.Encryption{For: []*samltest.Key{samltest.NamedKey(samltest.SP)}}
		},
		"a comment":          edited("</saml:Assertion>", "<!-- "+marker+" --></saml:Assertion>"),
		"another attribute":  edited("<saml:AttributeValue", "<saml:AttributeValue office='"+marker+"'"),
		"beside a value":     edited("<saml:AttributeValue", marker+"<saml:AttributeValue"),
		"another element":    edited("</saml:Assertion>", "<x:Office xmlns:x='urn:x' y='"+marker+"'>"+marker+"</x:Office></saml:Assertion>"),
		"a broken end":       edited("</saml:AttributeValue>", "</saml:AttributeValues>"+marker),
		"a foreign end":      edited("<saml:AttributeValue", "</saml:Attribute>"+marker+"<saml:AttributeValue"),
		"an entity":          edited("<saml:AttributeValue", "&"+marker+";<saml:AttributeValue"),
		"CDATA":              edited("<saml:AttributeValue", "<![CDATA["+marker+"]]><saml:AttributeValue"),
		"an instruction":     edited("</saml:Assertion>", "<?"+marker+" "+marker+"?></saml:Assertion>"),
		"the tail":           edited("</samlp:Response>", "</samlp:Response>"+marker),
		"an octet too many":  edited("<saml:AttributeValue", "\xff"+marker+"<saml:AttributeValue"),
		"an illegal name":    edited("<saml:AttributeValue", "<"+marker+" <saml:AttributeValue"),
		"an attribute twice": edited("<saml:AttributeValue", "<saml:AttributeValue a='"+marker+"' a='"+marker+"'/><saml:AttributeValue"),
	} {
		req, _ := s.Start(t, "")
		_, err := p.Consume(t, s.Answer(req.ID, s.user.Email, edit))
		attempt := reference(t, err, parts.Code(err))
		if shown := fmt.Sprintf("%+v %s", get(t, p, attempt), get(t, p, attempt).Message.Readable()); strings.Contains(shown, marker) {
			t.Errorf("%s: %s", name, shown)
		}
	}
	for _, raw := range []string{marker, "<" + marker + ">", "<a>" + marker + "</a>", "<!DOCTYPE " + marker + ">", "<a " + marker + "='" + marker + "'/>", "&" + marker + ";",
		"<Envelope><Body><Office>" + marker + "</Office></Body></Envelope>", "<a xmlns:b='" + marker + "'><b:" + marker} {
		for _, field := range []string{samltest.Encode(raw), "<" + raw, strings.Repeat("%20", 11) + raw} {
			_, err := p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{field}})
			r := get(t, p, reference(t, err, parts.Code(err)))
			shown := fmt.Sprintf("%+v", r.Checks)
			if strings.Contains(shown, marker) {
				t.Errorf("%s: a check shows %s", raw, shown)
			}
		}
	}
}

func TestARecordIsTheOrganizationsOwn(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		globex := p.Organization(t, "Globex")
		_, err := p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"x"}})
		attempt := reference(t, err, fault.SAMLBase64Invalid)
		for name, c := range map[string]struct {
			actor               access.Actor
			read, reveal, again fault.Code
		}{
			"an administrator":      {access.Actor{Kind: access.KindUser, OrganizationID: s.Organization.ID, Role: access.RoleAdministrator}, "", "", ""},
			"a member":              {access.Actor{Kind: access.KindUser, OrganizationID: s.Organization.ID, Role: access.RoleMember}, fault.Forbidden, fault.Forbidden, fault.Forbidden},
			"another's owner":       {access.Actor{Kind: access.KindUser, OrganizationID: globex.ID, Role: access.RoleOwner}, fault.NotFound, fault.NotFound, fault.NotFound},
			"nobody":                {access.Actor{}, fault.Unauthenticated, fault.Unauthenticated, fault.Unauthenticated},
			"a token that reads":    {access.Actor{Kind: access.KindToken, OrganizationID: s.Organization.ID, Role: access.RoleOwner, Scope: access.ScopeRead}, "", fault.Forbidden, ""},
			"a token for the log":   {access.Actor{Kind: access.KindToken, OrganizationID: s.Organization.ID, Role: access.RoleOwner, Scope: access.ScopeAudit}, "", fault.Forbidden, fault.Forbidden},
			"a token for users":     {access.Actor{Kind: access.KindToken, OrganizationID: s.Organization.ID, Role: access.RoleOwner, Scope: access.ScopeUsers}, fault.Forbidden, fault.Forbidden, fault.Forbidden},
			"an operator's token":   {access.Actor{Kind: access.KindToken, Operator: true, Scope: access.ScopeAdmin}, "", "", ""},
			"another tenant's one":  {access.Actor{Kind: access.KindToken, OrganizationID: globex.ID, Role: access.RoleOwner, Scope: access.ScopeAdmin}, fault.NotFound, fault.NotFound, fault.NotFound},
			"a setup link's holder": {access.Actor{Kind: access.KindSetupLink}, fault.Forbidden, fault.Forbidden, fault.Forbidden},
		} {
			_, err := p.Record.Record(t.Context(), c.actor, attempt)
			if parts.Code(err) != c.read {
				t.Errorf("%s reads: %v", name, err)
			}
			if _, err = p.Record.List(t.Context(), c.actor, record.Query{OrganizationID: s.Organization.ID, Limit: 1}); parts.Code(err) != c.read {
				t.Errorf("%s lists: %v", name, err)
			}
			if _, err = p.Record.Reveal(t.Context(), c.actor, attempt); parts.Code(err) != c.reveal {
				t.Errorf("%s reveals: %v", name, err)
			}
			if _, err = p.SSO.Replay(t.Context(), c.actor, attempt); parts.Code(err) != c.again {
				t.Errorf("%s replays: %v", name, err)
			}
		}
	})
}

func TestFiltersOfTheList(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		other := s.Organization.Profile(t)
		begun := p.Now()
		var refs []string
		for _, in := range []sso.Response{{ProfileID: s.ID, SAMLResponse: []string{"x"}}, {ProfileID: s.ID}, {ProfileID: other.ID, SAMLResponse: []string{"x"}}} {
			p.Pass(time.Second)
			_, err := p.Consume(t, in)
			refs = append(refs, reference(t, err, parts.Code(err)))
		}
		p.Pass(time.Second)
		if _, err := s.Login(t, s.user.Email); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, s.list(t, record.Query{Limit: 1})[0].ID)
		for name, c := range map[string]struct {
			q    record.Query
			want string
		}{
			"all":              {record.Query{}, "3210"},
			"a page":           {record.Query{Limit: 2}, "32"},
			"the next":         {record.Query{After: refs[2], Limit: 2}, "10"},
			"a profile":        {record.Query{ProfileID: other.ID}, "2"},
			"a code":           {record.Query{Code: "saml_base64_invalid"}, "20"},
			"refused":          {record.Query{Outcome: record.Refused}, "210"},
			"succeeded":        {record.Query{Outcome: record.Succeeded}, "3"},
			"a user":           {record.Query{Who: s.user.ID}, "3"},
			"an address":       {record.Query{Who: "USER@acme.test"}, "3"},
			"nobody":           {record.Query{Who: "nobody@acme.test"}, ""},
			"no address":       {record.Query{Who: "' or ''='"}, ""},
			"a reference":      {record.Query{Reference: refs[1]}, "1"},
			"no reference":     {record.Query{Reference: "att_x"}, ""},
			"since":            {record.Query{Since: begun.Add(2 * time.Second)}, "321"},
			"until":            {record.Query{Until: begun.Add(2 * time.Second)}, "0"},
			"code and profile": {record.Query{Code: "saml_base64_invalid", ProfileID: s.ID}, "0"},
		} {
			got := ""
			for _, a := range s.list(t, c.q) {
				for i, ref := range refs {
					if a.ID == ref {
						got += string(rune('0' + i))
					}
				}
			}
			if got != c.want {
				t.Errorf("%s: %q, not %q", name, got, c.want)
			}
		}
	})
}

func TestRecordsAreErasedWithTheirUserAndWithTime(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		staying := s.User(t, "staying@acme.test", access.RoleMember)
		for _, email := range []string{s.user.Email, staying.Email} {
			if _, err := s.Login(t, email); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Login(t, staying.Email); err != nil { // it waits in the queue while another user goes
			t.Fatal(err)
		}
		if err := p.Directory.RemoveUser(t.Context(), parts.Operator(), s.user.ID); err != nil {
			t.Fatal(err)
		}
		p.Flush(t)
		if err := p.Record.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if left := s.list(t, record.Query{}); len(left) != 2 || left[0].UserID != staying.ID {
			t.Errorf("%+v", left)
		}
		if n := p.Count(t, "select count(*) from record_details"); n != 2 {
			t.Errorf("%d details", n)
		}
		p.Pass(2 * time.Hour)
		if err := p.Record.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from record_erasures"); n != 0 {
			t.Errorf("%d erasures", n)
		}
		if n := p.Count(t, "select count(*) from record_attempts"); n != 2 {
			t.Errorf("%d attempts", n)
		}
		p.Pass(30*24*time.Hour - 3*time.Hour)
		if err := p.Record.Purge(t.Context()); err != nil || p.Count(t, "select count(*) from record_attempts") != 2 {
			t.Errorf("purged early, %v", err)
		}
		p.Pass(2 * time.Hour)
		if err := p.Record.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"record_attempts", "record_details", "record_hours"} {
			if n := p.Count(t, "select count(*) from "+table); n != 0 {
				t.Errorf("%s: %d", table, n)
			}
		}
	})
}

// TestDetailsThatWaitAreErasedWithTheirUser removes a user whose sign-in is written
// and whose checks are not.
func TestDetailsThatWaitAreErasedWithTheirUser(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		s.Domain(t, "free.test")
		free := s.User(t, "user@free.test", access.RoleMember)
		if _, err := p.SignIn.Password(t.Context(), anywhere, signin.PasswordAttempt{Email: free.Email, Password: parts.Password}); err != nil {
			t.Fatal(err)
		}
		if err := p.Directory.RemoveUser(t.Context(), parts.Operator(), free.ID); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select count(*) from record_attempts") + p.Count(t, "select count(*) from record_details"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// TestWhatCannotBeWrittenWaits takes the recorder's tables away for a while.
func TestWhatCannotBeWrittenWaits(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		var references []string
		refuse := func() {
			_, err := p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"x"}})
			references = append(references, reference(t, err, fault.SAMLBase64Invalid))
		}
		flush := func(times int) {
			for range times {
				if err := p.Record.Flush(t.Context()); err == nil {
					t.Fatal("it was written nowhere")
				}
			}
		}
		p.Exec(t, "alter table record_hours rename to record_away")
		refuse()
		flush(20) // longer than anything that can't be written is tried
		refuse()
		if _, err := p.Record.List(t.Context(), parts.Operator(), record.Query{OrganizationID: s.Organization.ID, Limit: 1}); err != nil {
			t.Errorf("what is there can't be read: %v", err)
		}
		p.Exec(t, "alter table record_away rename to record_hours")
		for _, one := range references {
			if r := get(t, p, one); !r.Kept {
				t.Errorf("%+v", r)
			}
		}
		if n := p.Count(t, "select coalesce(sum(attempts), 0) from record_hours"); n != 2 {
			t.Errorf("%d are counted", n)
		}
	})
}

func TestHoursCountWhatHappened(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		s := newScene(t, p)
		start := p.Now().Truncate(time.Hour)
		for range 3 {
			p.Consume(t, sso.Response{ProfileID: s.ID, SAMLResponse: []string{"x"}})
		}
		if _, err := s.Login(t, s.user.Email); err != nil {
			t.Fatal(err)
		}
		p.Pass(time.Hour)
		p.Consume(t, sso.Response{ProfileID: s.ID})
		p.Flush(t)
		want := []record.Hour{
			{start, s.ID, access.MethodSSO, record.Refused, fault.SAMLBase64Invalid, 3, 3},
			{start, s.ID, access.MethodSSO, record.Succeeded, "", 1, 1},
			{start.Add(time.Hour), s.ID, access.MethodSSO, record.Refused, fault.SAMLResponseMissing, 1, 1},
		}
		for since, from := range map[time.Time]int{start.Add(30 * time.Minute): 0, start.Add(time.Hour): 2} {
			var got []record.Hour
			p.View(t, func(tx *db.Tx) (err error) {
				got, err = record.Hours(tx, s.Organization.ID, since)
				return err
			})
			if len(got) != len(want)-from {
				t.Fatalf("%+v", got)
			}
			for i := range got {
				if w := want[from+i]; !got[i].Start.Equal(w.Start) || got[i] != (record.Hour{Start: got[i].Start, ProfileID: w.ProfileID, Method: w.Method,
					Outcome: w.Outcome, Code: w.Code, Attempts: w.Attempts, Kept: w.Kept}) {
					t.Errorf("%+v, not %+v", got[i], w)
				}
			}
		}
	})
}
