package imports_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"sallyport/internal/access"
	"sallyport/internal/audit"
	"sallyport/internal/directory"
	"sallyport/internal/fault"
	"sallyport/internal/imports"
	"sallyport/internal/job"
	"sallyport/internal/session"
	"sallyport/internal/testenv/parts"
)

var operator = parts.Operator()

// ended waits for the end of an import, or of its undoing.
func ended(t *testing.T, p *parts.Parts, importID string) (i imports.Import) {
	t.Helper()
	for range 3000 {
		var err error
		if i, err = p.Imports.Import(t.Context(), operator, importID); err != nil {
			t.Fatal(err)
		}
		if !i.Open() && i.Undo.Status != job.Queued && i.Undo.Status != job.Running {
			return i
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("it does not end: %+v", i)
	return i
}

// bring imports a file and waits for its end.
func bring(t *testing.T, o *parts.Organization, actor access.Actor, file string, options imports.Options) imports.Import {
	t.Helper()
	o.Pass(time.Millisecond)
	i, err := o.Imports.ImportCSV(t.Context(), actor, o.ID, strings.NewReader(file), options)
	if err != nil {
		t.Fatal(err)
	}
	if i.Status != job.Queued || i.OrganizationID != o.ID {
		t.Errorf("%+v", i)
	}
	return ended(t, o.Parts, i.ID)
}

// counts are an import in a line.
func counts(i imports.Import) string {
	return fmt.Sprintf("%s %d/%d: %d created, %d updated, %d unchanged, %d failed", i.Status, i.Done, i.Total, i.Created, i.Updated, i.Unchanged, i.Failed)
}

func want(t *testing.T, i imports.Import, line string) {
	t.Helper()
	if got := counts(i); got != line {
		t.Errorf("%s\nnot %s", got, line)
	}
}

// lines are the rows of an import with their results.
func lines(t *testing.T, p *parts.Parts, importID string) (lines []string) {
	t.Helper()
	for _, record := range file(t, p, imports.ResultQuery{ImportID: importID})[1:] {
		lines = append(lines, strings.Join(record, "|"))
	}
	return lines
}

func file(t *testing.T, p *parts.Parts, q imports.ResultQuery) [][]string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Imports.File(t.Context(), operator, q, func() io.Writer { return &b }); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records
}

const mixed = `email,name,role
new@acme.test,New User,
admin@acme.test,,administrator
NEW@acme.test,Again,
known@acme.test,Renamed,
same@acme.test,,
independent@acme.test,Other,member
unproved@acme.test,,
guest@home.test,Guest,
elsewhere@acme.test,,
nonsense,,
bad@acme.test,,king
owner@acme.test,,member
`

// stage is an organization with all sorts of people around.
func stage(t *testing.T, p *parts.Parts) (acme *parts.Organization, independent directory.User) {
	t.Helper()
	acme = p.Organization(t, "Acme")
	globex := p.Organization(t, "Globex")
	d := globex.Domain(t, "acme.test")
	globex.User(t, "elsewhere@acme.test", access.RoleMember)
	if err := p.Directory.DeleteDomain(t.Context(), operator, d.ID); err != nil {
		t.Fatal(err)
	}
	acme.Domain(t, "acme.test")
	acme.User(t, "owner@acme.test", access.RoleOwner)
	acme.User(t, "known@acme.test", access.RoleMember)
	acme.User(t, "same@acme.test", access.RoleMember)
	p.Unproved(t, "unproved@acme.test")
	return acme, p.Independent(t, "independent@acme.test")
}

func TestAFileIsImported(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Work(t)
		acme, independent := stage(t, p)
		token := p.Session(t, independent, session.Start{})
		users, events := p.Count(t, "select count(*) from users"), p.Count(t, "select count(*) from audit_events")
		const outcome = "done 12/12: 3 created, 3 updated, 2 unchanged, 4 failed"

		dry := bring(t, acme, operator, mixed, imports.Options{DryRun: true})
		if want(t, dry, outcome); dry.Unproved != 1 {
			t.Errorf("%d unproved", dry.Unproved)
		}
		if p.Count(t, "select count(*) from users") != users || p.Count(t, "select count(*) from audit_events") != events || !p.Live(t, token) {
			t.Fatal("the dry run has changed something")
		}
		i, err := p.Imports.Confirm(t.Context(), operator, dry.ID, false)
		if err != nil {
			t.Fatal(err)
		}
		i = ended(t, p, i.ID)
		want(t, i, outcome)
		var got []string
		for _, line := range lines(t, p, i.ID) {
			cells := strings.Split(line, "|")
			got = append(got, strings.Join([]string{cells[0], cells[3], cells[4], cells[5]}, "|"))
		}
		expect := []string{
			"new@acme.test|created||", "admin@acme.test|created||", "NEW@acme.test|unchanged||", "known@acme.test|updated||",
			"same@acme.test|unchanged||", "independent@acme.test|updated||", "unproved@acme.test|updated||", "guest@home.test|created||",
			"elsewhere@acme.test|failed|user_managed_elsewhere|Another organization manages the user with this address.",
			"nonsense|failed|invalid|email is not an e-mail address", "bad@acme.test|failed|invalid|role is owner, administrator or member",
			"owner@acme.test|failed|last_owner|The organization would have no active owner left. Appoint another one first.",
		}
		if strings.Join(got, "\n") != strings.Join(expect, "\n") {
			t.Errorf("%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(expect, "\n"))
		}
		if p.Live(t, token) {
			t.Error("becoming managed ends the sessions")
		}
		found := map[string]string{}
		list, err := p.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: acme.ID, Page: directory.Page{Limit: 50}})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list.Items {
			if v.Invitation != nil {
				found[v.Invitation.Email] = fmt.Sprint("invitation ", v.Invitation.Name, " ", v.Invitation.Role)
				continue
			}
			found[v.User.Email] = fmt.Sprint(v.User.Name, " ", v.User.Role, " ", v.User.Status, " ", v.User.HasPassword())
		}
		for email, want := range map[string]string{
			"new@acme.test": "New User member invited false", "admin@acme.test": " administrator invited false", "known@acme.test": "Renamed member active true",
			"independent@acme.test": "Other member active true", "unproved@acme.test": " member invited false", "guest@home.test": "invitation Guest member",
			"owner@acme.test": " owner active true",
		} {
			if found[email] != want {
				t.Errorf("%s is %q, not %q", email, found[email], want)
			}
		}
		if e := acme.Recorded(t, audit.ImportFinished); e.Target.ID != i.ID || e.Actor.Kind != "operator" {
			t.Errorf("%+v", e)
		}
		acme.Recorded(t, audit.ImportStarted)

		// Once more it changes nothing.
		want(t, bring(t, acme, operator, mixed, imports.Options{}), "done 12/12: 0 created, 0 updated, 8 unchanged, 4 failed")
	})
}

func TestTheErrorFileIsCorrectedAndUploadedAgain(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Work(t)
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		i := bring(t, acme, operator, "department;name;email\n\"=cmd|' /C calc'!A0\";One;one@acme.test\n@Sales;Two;two#acme.test\n-;+Three;\"=three\"\n", imports.Options{})
		want(t, i, "done 3/3: 1 created, 0 updated, 0 unchanged, 2 failed")
		failed := file(t, p, imports.ResultQuery{ImportID: i.ID, Result: directory.BroughtFailed})
		got := fmt.Sprint(failed)
		if want := "[[department name email result code reason user_id] ['@Sales Two two#acme.test failed invalid email is not an e-mail address ] ['- '+Three '=three failed invalid email is not an e-mail address ]]"; got != want {
			t.Errorf("%s\nnot\n%s", got, want)
		}
		var b strings.Builder
		w := csv.NewWriter(&b)
		failed[1][2], failed[2][2] = "two@acme.test", "'=three@acme.test"
		if err := w.WriteAll(failed); err != nil {
			t.Fatal(err)
		}
		again := bring(t, acme, operator, b.String(), imports.Options{})
		want(t, again, "done 2/2: 2 created, 0 updated, 0 unchanged, 0 failed")
		list, err := p.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: acme.ID, Text: "three", Page: directory.Page{Limit: 5}})
		if err != nil || len(list.Items) != 1 || list.Items[0].User.Name != "+Three" || list.Items[0].User.Email != "=three@acme.test" {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestIndependentUsersOfADomainAreImported(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Work(t)
		acme := p.Organization(t, "Acme")
		d := acme.Domain(t, "acme.test")
		acme.Domain(t, "other.test")
		pending := acme.Claim(t, "pending.test")
		var tokens []string
		for n := range 25 {
			tokens = append(tokens, p.Session(t, p.Independent(t, fmt.Sprintf("user%d@acme.test", n)), session.Start{}))
		}
		p.Unproved(t, "new@acme.test")
		p.Independent(t, "user@other.test")
		p.Independent(t, "user@pending.test")
		p.Independent(t, "user@home.test")
		admin := parts.As(acme.User(t, "managed@acme.test", access.RoleAdministrator))
		start := func(ids []string, o imports.Options) (imports.Import, error) {
			p.Pass(time.Millisecond)
			return p.Imports.ImportDomains(t.Context(), admin, acme.ID, ids, o)
		}
		_, err := start([]string{pending.ID}, imports.Options{})
		parts.Refused(t, err, fault.DomainNotVerified)
		_, err = start([]string{"dom_none"}, imports.Options{})
		parts.Refused(t, err, fault.CodeInvalid)
		i, err := start([]string{d.ID}, imports.Options{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		dry := ended(t, p, i.ID)
		if want(t, dry, "done 26/26: 0 created, 26 updated, 0 unchanged, 0 failed"); dry.Unproved != 1 {
			t.Errorf("%d unproved", dry.Unproved)
		}
		if i, err = p.Imports.Confirm(t.Context(), admin, dry.ID, true); err != nil {
			t.Fatal(err)
		}
		want(t, ended(t, p, i.ID), "done 26/26: 0 created, 26 updated, 0 unchanged, 0 failed")
		for _, token := range tokens {
			if p.Live(t, token) {
				t.Fatal("a session goes on")
			}
		}
		if n := p.Count(t, "select count(*) from users where organization_id = $1", acme.ID); n != 27 {
			t.Errorf("%d managed users", n)
		}
		if i, err = start(nil, imports.Options{}); err != nil { // all verified ones
			t.Fatal(err)
		}
		want(t, ended(t, p, i.ID), "done 1/1: 0 created, 1 updated, 0 unchanged, 0 failed")
	})
}

func TestAnImportIsTakenBack(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Work(t)
		acme, independent := stage(t, p)
		i := bring(t, acme, operator, mixed, imports.Options{})
		id := func(email string) (userID string) {
			list, err := p.Directory.Users(t.Context(), operator, directory.UserQuery{OrganizationID: acme.ID, Text: email, Page: directory.Page{Limit: 5}})
			if err != nil || len(list.Items) != 1 {
				t.Fatalf("%s: %+v, %v", email, list, err)
			}
			if v := list.Items[0]; v.Invitation != nil {
				return v.Invitation.ID
			}
			return list.Items[0].User.ID
		}
		created, guest, admin := id("new@acme.test"), id("guest@home.test"), id("admin@acme.test")
		// Somebody has changed two of them since.
		p.Change(t, id("known@acme.test"), directory.UserChange{Name: ptr("Third Name")})
		if err := p.Directory.RemoveUser(t.Context(), operator, admin); err != nil {
			t.Fatal(err)
		}
		token := p.Session(t, independent, session.Start{})

		_, err := p.Imports.UndoImport(t.Context(), acme.Actor(access.RoleMember), i.ID)
		parts.Refused(t, err, fault.Forbidden)
		for range 2 { // asking twice is asking once
			if _, err := p.Imports.UndoImport(t.Context(), operator, i.ID); err != nil {
				t.Fatal(err)
			}
		}
		i = ended(t, p, i.ID)
		if i.Undo.Status != job.Done || i.Undo.Undone != 4 || i.Undo.Kept != 2 {
			t.Errorf("%+v", i.Undo)
		}
		for _, gone := range []string{created, guest} {
			_, err := p.Directory.User(t.Context(), operator, gone)
			parts.Refused(t, err, fault.NotFound)
		}
		if u := p.User(t, independent.ID); u.OrganizationID != "" || u.Status != access.UserActive || !u.HasPassword() || p.Live(t, token) {
			t.Errorf("%+v", u)
		}
		// Nobody is deleted whom the import has not made.
		if n := p.Count(t, "select count(*) from users where email = 'unproved@acme.test' and organization_id is null"); n != 1 {
			t.Error("the user who had signed up is gone")
		}
		if u := p.User(t, id("known@acme.test")); u.Name != "Third Name" {
			t.Errorf("%+v", u)
		}
		if again, err := p.Imports.UndoImport(t.Context(), operator, i.ID); err != nil || again.Undo != i.Undo {
			t.Errorf("%+v, %v", again.Undo, err)
		}
		acme.Recorded(t, audit.ImportUndone)
		want(t, bring(t, acme, operator, mixed, imports.Options{}), "done 12/12: 3 created, 3 updated, 2 unchanged, 4 failed")
	})
}

func ptr[T any](v T) *T { return &v }

// TestMailsOfAnImport: whoever has to arrive yet is invited, who was there is
// told, and nobody where the import was taken back before.
func TestMailsOfAnImport(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		stop := p.Work(t)
		acme, _ := stage(t, p)
		bring(t, acme, operator, mixed, imports.Options{})
		mails := func(to string) (subjects string) {
			for range 300 {
				if n := p.Count(t, "select count(*) from jobs where status in ('queued', 'running')"); n == 0 {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			for _, m := range p.Mails(t, to) {
				subjects += m.Subject + ";"
			}
			return subjects
		}
		for to, want := range map[string]string{
			"new@acme.test": "Your account at Acme;", "unproved@acme.test": "Your account at Acme;", "guest@home.test": "Acme invites you;",
			"independent@acme.test": "Acme now manages your account;", "known@acme.test": "", "elsewhere@acme.test": "", "owner@acme.test": "",
		} {
			if got := mails(to); (got == "") != (want == "") || strings.Count(got, ";") != strings.Count(want, ";") {
				t.Errorf("%s gets %q, not %q", to, got, want)
			}
		}
		// Silent, nobody is invited.
		i := bring(t, acme, operator, "email\nquiet@acme.test\nquiet@home.test\n", imports.Options{Silent: true})
		want(t, i, "done 2/2: 2 created, 0 updated, 0 unchanged, 0 failed")
		if got := mails("quiet@acme.test") + mails("quiet@home.test"); got != "" {
			t.Error(got)
		}
		stop()
	})
}

func TestAChangeIsTakenBack(t *testing.T) {
	p := parts.New(t, "sqlite")
	p.Work(t)
	acme := p.Organization(t, "Acme")
	acme.Domain(t, "acme.test")
	acme.User(t, "owner@acme.test", access.RoleOwner)
	u := acme.User(t, "user@acme.test", access.RoleMember)
	i := bring(t, acme, operator, "email,name,role\nuser@acme.test,Named,administrator\n", imports.Options{})
	want(t, i, "done 1/1: 0 created, 1 updated, 0 unchanged, 0 failed")
	if now := p.User(t, u.ID); now.Name != "Named" || now.Role != access.RoleAdministrator {
		t.Errorf("%+v", now)
	}
	if _, err := p.Imports.UndoImport(t.Context(), operator, i.ID); err != nil {
		t.Fatal(err)
	}
	ended(t, p, i.ID)
	parts.Same(t, p.User(t, u.ID), u)
}

// TestWhoMayImportWhat: the rights are those of adding somebody alone, as they
// are when the row is done.
func TestWhoMayImportWhat(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		p.Work(t)
		acme, globex := p.Organization(t, "Acme"), p.Organization(t, "Globex")
		acme.Domain(t, "acme.test")
		owner, admin := acme.User(t, "owner@acme.test", access.RoleOwner), acme.User(t, "admin@acme.test", access.RoleAdministrator)
		const file = "email,role\na@acme.test,member\nb@acme.test,administrator\nc@acme.test,owner\n"
		stale := parts.As(admin)
		stale.Fresh = false
		for _, c := range []struct {
			name  string
			actor access.Actor
			want  string
		}{
			{"operator", operator, "3 created, 0 updated, 0 unchanged, 0 failed"},
			{"owner", parts.As(owner), "3 created, 0 updated, 0 unchanged, 0 failed"},
			{"administrator", parts.As(admin), "2 created, 0 updated, 0 unchanged, 1 failed"},
			{"administrator, some time after the sign-in", stale, "1 created, 0 updated, 0 unchanged, 2 failed"},
			{"token for users", acme.Token(access.ScopeUsers), "1 created, 0 updated, 0 unchanged, 2 failed"},
		} {
			t.Run(c.name, func(t *testing.T) {
				if got := counts(bring(t, acme, c.actor, file, imports.Options{DryRun: true})); !strings.HasSuffix(got, c.want) {
					t.Error(got)
				}
			})
		}
		for _, c := range []struct {
			actor access.Actor
			code  fault.Code
		}{
			{access.Actor{}, fault.Unauthenticated}, {acme.Actor(access.RoleMember), fault.Forbidden}, {globex.Actor(access.RoleOwner), fault.NotFound},
			{acme.Token(access.ScopeRead), fault.Forbidden}, {acme.Token(access.ScopeSSO), fault.Forbidden},
		} {
			_, err := p.Imports.ImportCSV(t.Context(), c.actor, acme.ID, strings.NewReader(file), imports.Options{})
			parts.Refused(t, err, c.code)
			_, err = p.Imports.ImportDomains(t.Context(), c.actor, acme.ID, nil, imports.Options{})
			parts.Refused(t, err, c.code)
		}
		// What others may not see.
		i := bring(t, acme, operator, file, imports.Options{DryRun: true})
		_, err := p.Imports.Import(t.Context(), globex.Actor(access.RoleOwner), i.ID)
		parts.Refused(t, err, fault.NotFound)
		_, err = p.Imports.Results(t.Context(), globex.Actor(access.RoleOwner), imports.ResultQuery{ImportID: i.ID, Limit: 5})
		parts.Refused(t, err, fault.NotFound)
		_, err = p.Imports.Confirm(t.Context(), globex.Actor(access.RoleOwner), i.ID, false)
		parts.Refused(t, err, fault.NotFound)
		if list, err := p.Imports.Imports(t.Context(), acme.Token(access.ScopeRead), acme.ID, directory.Page{Limit: 50}); err != nil || len(list) != 6 || list[0].ID != i.ID {
			t.Errorf("%d imports, %v", len(list), err)
		}
	})
}

// TestWhoHasLeftImportsNothingMore: the import of somebody who may not do so any
// more fails.
func TestWhoHasLeftImportsNothingMore(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	acme.Domain(t, "acme.test")
	acme.User(t, "owner@acme.test", access.RoleOwner)
	admin := acme.User(t, "admin@acme.test", access.RoleAdministrator)
	i, err := p.Imports.ImportCSV(t.Context(), parts.As(admin), acme.ID, strings.NewReader("email\nnew@acme.test\n"), imports.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p.SetStatus(t, admin.ID, access.UserDeactivated)
	p.Work(t)
	if i = ended(t, p, i.ID); i.Status != job.Failed || i.Code != fault.Forbidden || i.Done != 0 {
		t.Errorf("%+v", i)
	}
}

func TestNothingIsKeptOfAFileThatIsRefused(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		acme := p.Organization(t, "Acme")
		file := "email\n" + strings.Repeat("user@acme.test\n", 700) + "J\xfcrgen@acme.test\n"
		_, err := p.Imports.ImportCSV(t.Context(), operator, acme.ID, strings.NewReader(file), imports.Options{})
		if f := parts.Refused(t, err, fault.CodeInvalid); len(f.Fields) != 1 || f.Fields[0].Name != "file" || !strings.Contains(f.Fields[0].Message, "Line 702") {
			t.Errorf("%+v", f)
		}
		_, err = p.Imports.ImportCSV(t.Context(), operator, acme.ID, strings.NewReader("email,name\n"), imports.Options{})
		parts.Refused(t, err, fault.CodeInvalid)
		for _, table := range []string{"import_uploads", "import_rows", "imports", "jobs"} {
			if n := p.Count(t, "select count(*) from "+table); n != 0 {
				t.Errorf("%d rows of %s are left", n, table)
			}
		}
	})
}

func TestTooManyOpenImports(t *testing.T) {
	p := parts.New(t, "sqlite")
	acme := p.Organization(t, "Acme")
	for n := range 11 {
		_, err := p.Imports.ImportCSV(t.Context(), operator, acme.ID, strings.NewReader("email\nuser@acme.test\n"), imports.Options{})
		if n < 10 && err != nil {
			t.Fatal(err)
		}
		if n == 10 {
			parts.Refused(t, err, fault.Conflict)
		}
	}
}

func TestRowsAreForgotten(t *testing.T) {
	parts.Each(t, func(t *testing.T, p *parts.Parts) {
		stop := p.Work(t)
		acme := p.Organization(t, "Acme")
		acme.Domain(t, "acme.test")
		i := bring(t, acme, operator, "email\nuser@acme.test\n"+strings.Repeat("x\n", 1200), imports.Options{})
		stop()
		p.Pass(29 * 24 * time.Hour)
		if err := p.Imports.Purge(t.Context()); err != nil || len(file(t, p, imports.ResultQuery{ImportID: i.ID})) != 1202 {
			t.Fatalf("%v", err)
		}
		p.Pass(2 * 24 * time.Hour)
		if err := p.Imports.Purge(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := p.Count(t, "select (select count(*) from import_rows) + (select count(*) from import_results) + (select count(*) from import_uploads)"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		err := p.Imports.File(t.Context(), operator, imports.ResultQuery{ImportID: i.ID}, func() io.Writer { return io.Discard })
		parts.Refused(t, err, fault.NotFound)
		_, err = p.Imports.UndoImport(t.Context(), operator, i.ID)
		parts.Refused(t, err, fault.Conflict)
		if now := ended(t, p, i.ID); counts(now) != counts(i) {
			t.Errorf("%s", counts(now))
		}
	})
}
