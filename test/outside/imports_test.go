package outside

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/test/harness"
)

// imported waits for the end of an import, and of what was asked to be undone.
func imported(t *testing.T, s *harness.Server, importID string) (o harness.Object) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		o = s.OK(t, "GET", "/imports/"+importID, nil)
		undo := harness.At(o, "undo", "status")
		if (o["status"] == "done" || o["status"] == "failed") && (undo == nil || undo == "done") {
			return o
		}
	}
	t.Fatalf("the import does not end: %v", o)
	return o
}

// outcome is an import in a line.
func outcome(o harness.Object) string {
	return fmt.Sprint(o["status"], " ", o["done"], "/", o["total"], ": ", o["created"], " ", o["updated"], " ", o["unchanged"], " ", o["failed"])
}

// crowd is a file of n users of the organization, every hundredth of whom is
// none.
func crowd(o *harness.Organization, n int) string {
	var file strings.Builder
	file.WriteString("\ufeffname;role;email\r\n")
	for i := range n {
		email := o.Address(fmt.Sprintf("user%d", i))
		if i%100 == 99 {
			email = fmt.Sprintf("user%d at nowhere", i)
		}
		fmt.Fprintf(&file, "\"User; %d\";;%s\r\n", i, email)
	}
	return file.String()
}

// TestAFileIsImportedCorrectedAndImportedAgain, with a dry run before.
func TestAFileIsImportedCorrectedAndImportedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		at, file := "/organizations/"+o.ID+"/imports", crowd(o, 1000)
		dry := imported(t, s, harness.ID(s.Upload(t, at+"?dry_run=true", file)))
		if got := outcome(dry); got != "done 1000/1000: 990 0 0 10" {
			t.Error(got)
		}
		if n := s.Count(t, "select count(*) from users where organization_id = $1", o.ID); n != 0 {
			t.Fatalf("the dry run made %d users", n)
		}
		done := imported(t, s, harness.ID(s.OK(t, "POST", "/imports/"+harness.ID(dry)+"/confirm", nil)))
		if got := outcome(done); got != "done 1000/1000: 990 0 0 10" {
			t.Error(got)
		}
		s.Mail(t, o.Address("user0")) // is invited
		s.Mail(t, o.Address("user998"))

		records, err := csv.NewReader(strings.NewReader(s.File(t, "/imports/"+harness.ID(done)+"/rows.csv?result=failed"))).ReadAll()
		if err != nil || len(records) != 11 || strings.Join(records[0], ",") != "name,role,email,result,code,reason,user_id" || records[1][0] != "User; 99" || records[1][4] != "invalid" {
			t.Fatalf("%q, %v", records, err)
		}
		var corrected strings.Builder
		for i := range records {
			records[i][2] = strings.Replace(records[i][2], " at nowhere", "@"+o.Domain, 1)
		}
		if err := csv.NewWriter(&corrected).WriteAll(records); err != nil {
			t.Fatal(err)
		}
		if got := outcome(imported(t, s, harness.ID(s.Upload(t, at+"?invite=false", corrected.String())))); got != "done 10/10: 10 0 0 0" {
			t.Error(got)
		}
		if got := outcome(imported(t, s, harness.ID(s.Upload(t, at, file)))); got != "done 1000/1000: 0 0 990 10" {
			t.Errorf("once more: %s", got)
		}
		found := harness.Items(s.OK(t, "GET", "/organizations/"+o.ID+"/users?q="+url.QueryEscape("user99@"), nil))
		if len(found) != 1 || found[0]["name"] != "User; 99" || found[0]["status"] != "invited" {
			t.Errorf("%v", found)
		}
		s.OK(t, "POST", "/imports/"+harness.ID(done)+"/undo", nil)
		if got := imported(t, s, harness.ID(done)); harness.At(got, "undo", "undone") != 990.0 || harness.At(got, "undo", "kept") != 0.0 {
			t.Errorf("%v", got)
		}
		if n := s.Count(t, "select count(*) from users where organization_id = $1", o.ID); n != 10 {
			t.Errorf("%d users are left", n)
		}
	})
}

// TestFortyKnownUsersAreImported by their domain. They are signed out, told, and
// keep their passwords.
func TestFortyKnownUsersAreImported(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		for i := range 40 {
			s.NewIndependentUser(t, o.Address(fmt.Sprintf("known%d", i)))
		}
		user, b := o.Address("known7"), s.NewBrowser(t)
		b.Password(t, user, harness.Password).Redirected(t, "/")
		dry := imported(t, s, harness.ID(s.OK(t, "POST", "/organizations/"+o.ID+"/imports?dry_run=true", harness.Object{"source": "domain"})))
		if got := outcome(dry); got != "done 40/40: 0 40 0 0" || dry["unproved"] != 0.0 {
			t.Error(dry)
		}
		b.SignedIn(t, user, "password")
		if got := outcome(imported(t, s, harness.ID(s.OK(t, "POST", "/imports/"+harness.ID(dry)+"/confirm", nil)))); got != "done 40/40: 0 40 0 0" {
			t.Error(got)
		}
		b.SignedIn(t, "", "")
		if mail := s.Mail(t, user); !strings.Contains(mail.Subject, "now manages your account") {
			t.Errorf("%+v", mail)
		}
		b.Password(t, user, harness.Password).Redirected(t, "/")
		if who := b.Identity(t); who["organization_id"] != o.ID {
			t.Errorf("%v", who)
		}
	})
}

// TestAnImportGoesOnAfterAKill -9, without doing a row twice or leaving one out.
func TestAnImportGoesOnAfterAKill(t *testing.T) {
	t.Parallel()
	alone(t, harness.Options{}, func(t *testing.T, s *harness.Server) {
		const n = 3000
		o := harness.NewOrganization(t, s)
		importID := harness.ID(s.Upload(t, "/organizations/"+o.ID+"/imports", crowd(o, n)))
		kills := 0
		for at := 0.0; kills < 2; {
			i := s.OK(t, "GET", "/imports/"+importID, nil)
			done, _ := i["done"].(float64)
			if i["status"] == "done" {
				break
			}
			if done > at {
				s.Kill()
				s.Again(t)
				at, kills = done, kills+1
			}
			time.Sleep(10 * time.Millisecond)
		}
		if kills == 0 {
			t.Fatal("the import was over before the server could be killed")
		}
		if got := outcome(imported(t, s, importID)); got != "done 3000/3000: 2970 0 0 30" {
			t.Error(got)
		}
		for query, want := range map[string]int64{
			"select count(*) from users where organization_id = $1":                                                                                      2970,
			"select count(*) from audit_events where action = 'user.created' and organization_id = $1":                                                   2970,
			"select count(*) from import_results where import_id in (select id from imports where organization_id = $1)":                                 n,
			"select count(distinct user_id) from import_results x join imports i on i.id = x.import_id where i.organization_id = $1 and x.user_id <> ''": 2970,
		} {
			if got := s.Count(t, query, o.ID); got != want {
				t.Errorf("%s: %d, not %d", query, got, want)
			}
		}
		// Everybody is invited once.
		for end := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
			if s.Count(t, "select count(*) from jobs where status in ('queued', 'running')") == 0 && s.Count(t, "select count(*) from outbox_mails") == 0 {
				break
			}
			if time.Now().After(end) {
				t.Fatal("the mails don't end")
			}
		}
		if got := s.Count(t, "select count(*) from one_time_links where purpose = 'invitation'"); got != 2970 {
			t.Errorf("%d invitations", got)
		}
	})
}

// TestTheAddressOfAUserIsChanged by its owner's mail, and the policy decides
// anew.
func TestTheAddressOfAUserIsChanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		p, _, _ := harness.Enforced(t, s, nil)
		other := p.Domain + ".example"
		p.AddDomain(t, other)
		old, email := "user@"+other, p.Address("moved")
		id := p.AddUser(t, old)
		b := s.NewBrowser(t)
		b.Password(t, old, harness.Password).Redirected(t, "/")
		if u := s.OK(t, "PATCH", "/users/"+id, harness.Object{"email": email}); u["email"] != old || u["pending_email"] != email {
			t.Errorf("%v", u)
		}
		b.SignedIn(t, old, "password")
		path := s.MailedPath(t, email)
		page := s.NewBrowser(t).Get(t, path)
		if page.Status != 200 || !strings.Contains(page.Body, old) || !strings.Contains(page.Body, email) {
			t.Errorf("%d %s", page.Status, page.Body)
		}
		b.SignedIn(t, old, "password") // to look at it changes nothing
		reader := s.NewBrowser(t)
		reader.Post(t, path, url.Values{}).Redirected(t, "/login")
		if page := reader.Get(t, "/login"); !strings.Contains(page.Body, "Your address was changed") || page.Field(t, "email") != email {
			t.Errorf("%s", page.Body)
		}
		b.SignedIn(t, "", "")
		if mail := s.Mail(t, old); !strings.Contains(mail.Text, email) {
			t.Errorf("%+v", mail)
		}
		if u := s.User(t, id); u["email"] != email || harness.At(u, "sign_in", "reason") != "domain_enforced" || u["pending_email"] != nil {
			t.Errorf("%v", u)
		}
		s.NewBrowser(t).Password(t, old, harness.Password).Refused(t, 401, "credentials_invalid")
		s.NewBrowser(t).Password(t, email, harness.Password).Refused(t, 403, "sso_required")
		s.NewBrowser(t).SSO(t, p, email, "").Redirected(t, "/")
		s.NewBrowser(t).Post(t, path, url.Values{}).Refused(t, 410, "link_used")
	})
}

// TestAPageThatWaitsEndsWhenTheUserBecomesManaged: what was proved before counts
// no more.
func TestAPageThatWaitsEndsWhenTheUserBecomesManaged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		user, other := o.Address("known"), o.Address("other")
		s.NewIndependentUser(t, user)
		s.NewIndependentUser(t, other)
		b := s.NewBrowser(t)
		b.Password(t, other, harness.Password).Redirected(t, "/")
		question := b.Password(t, user, harness.Password)
		if question.Status != 200 {
			t.Fatalf("%d %s", question.Status, question.Body)
		}
		time.Sleep(2 * time.Millisecond)
		s.OK(t, "POST", "/organizations/"+o.ID+"/users", harness.Object{"email": user})
		form := question.Form(t)
		form.Set("answer", "yes")
		b.Post(t, "/login/continue", form).Refused(t, 410, "link_expired")
		b.SignedIn(t, other, "password")
	})
}

// TestUsersAreFoundByTheBeginningsOfTheirWords.
func TestUsersAreFoundByTheBeginningsOfTheirWords(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *harness.Server) {
		o := harness.NewOrganization(t, s)
		at := "/organizations/" + o.ID + "/users"
		s.OK(t, "POST", at, harness.Object{"email": o.Address("ada.lovelace"), "name": "Augusta Ada King-Noël"})
		s.OK(t, "POST", at, harness.Object{"email": o.Address("gh1906"), "name": "Grace Hopper", "role": "administrator"})
		s.OK(t, "POST", at, harness.Object{"email": "guest@elsewhere.example", "name": "Ada Guest"})
		for query, want := range map[string]string{
			"q=ada": "guest ada.lovelace", "q=LOVE": "ada.lovelace", "q=noel": "ada.lovelace", "q=king-n": "ada.lovelace", "q=ada+king": "ada.lovelace",
			"q=gh19": "gh1906", "q=hop+gr": "gh1906", "q=" + o.Domain[:8]: "gh1906 ada.lovelace", "q=ada.lovelace%40" + o.Domain: "ada.lovelace", "q=%40elsew": "guest",
			"q=opper": "", "q=%25": "", "q=_da": "", "q=a&role=administrator": "", "q=g&role=administrator": "gh1906", "status=invited&role=member": "guest ada.lovelace",
			"domain=elsewhere.example": "guest", "sso=enabled": "",
		} {
			var got []string
			for _, u := range harness.Items(s.OK(t, "GET", at+"?"+query, nil)) {
				email, _ := u["email"].(string)
				local, _, _ := strings.Cut(email, "@")
				got = append(got, local)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %v, not %q", query, got, want)
			}
		}
		s.Refused(t, 422, "invalid", "GET", at+"?q=1+2+3+4+5+6+7+8+9", nil)
		s.Refused(t, 422, "invalid", "GET", at+"?domain=%20", nil)
	})
}
