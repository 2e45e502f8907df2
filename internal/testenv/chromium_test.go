package testenv

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"image/png"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// site serves handler under name, and returns the URL to use in a browser.
func site(t *testing.T, name string, files *TLSFiles, handler http.Handler) string {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	scheme := "http"
	if files != nil {
		scheme = "https"
		server.TLS = &tls.Config{Certificates: []tls.Certificate{files.Certificate}}
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return scheme + "://" + name + ":" + u.Port()
}

// document serves one page, whatever is asked for.
func document(body string, headers ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		fmt.Fprint(w, body)
	})
}

func verbsSite() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", document(`<!doctype html><html lang=en><title>Start</title><h1> Sign
		in </h1><form action=/login method=post>
		<label>E-mail <input name=email type=email required></label>
		<label for=pw>Password</label><input id=pw name=password type=password value=old>
		<select name=role aria-label=Role><option value=m>Member<option value=o>Owner</select>
		<button>Continue</button></form>
		<a href=/second>Go on</a> <button disabled>Not yet</button> <p hidden>secret</p>
		<div style="height:3000px"></div><a href=/second id=low>Far down</a>
		<button onclick="setTimeout(() => document.querySelector('h1').textContent = 'Later', 300)">Wait</button>
		<button onclick="confirm('Sure?'); console.error('oh', 'no'); setTimeout(() => { throw new Error('thrown') })">Trouble</button>`))
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: r.FormValue("email"), HttpOnly: true, SameSite: http.SameSiteLaxMode, Path: "/"})
		http.Redirect(w, r, "/posted?"+url.Values{
			"email": {r.FormValue("email")}, "password": {r.FormValue("password")}, "role": {r.FormValue("role")},
		}.Encode(), http.StatusSeeOther)
	})
	mux.Handle("GET /posted", document(`<title>Posted</title><p id=done>Welcome  <b>back</b></p>`))
	mux.Handle("GET /second", document(`<title>Second</title><p>Second page</p><form action=/hop method=post id=auto></form><script>document.forms[0].submit()</script>`))
	mux.Handle("POST /hop", document(`<title>Hop</title><form action=/third method=post></form><body onload="document.forms[0].submit()">`))
	mux.HandleFunc("POST /third", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Sallyport-Error", "saml_expired")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<title>Third</title><p>The end")
	})
	return mux
}

func TestPageVerbs(t *testing.T) {
	t.Parallel()
	base := site(t, "app.sallyport.test", nil, verbsSite())
	page := Browser(t, MapHosts("app.sallyport.test")).NewTab(t)

	page.Open(base + "/")
	if got := page.Title(); got != "Start" {
		t.Errorf("title = %q", got)
	}
	if got := page.Text("h1"); got != "Sign in" {
		t.Errorf("h1 = %q", got)
	}
	page.Fill("E-mail", "alice@acme.test")
	page.Fill("Password", "new & good")
	page.Fill("Role", "Owner")
	page.Click("Continue")
	want := base + "/posted?email=alice%40acme.test&password=new+%26+good&role=o"
	if got := page.URL(); got != want {
		t.Errorf("URL = %s, want %s", got, want)
	}
	page.WaitText("Welcome back")
	cookies := page.Cookies()
	if len(cookies) != 1 || cookies[0].Value != "alice@acme.test" || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Domain != "app.sallyport.test" {
		t.Errorf("cookies = %v", cookies)
	}

	page.Back()
	if got := page.URL(); got != base+"/" {
		t.Errorf("URL after Back = %s", got)
	}
	page.Reload()
	page.Fill("#pw", "")
	page.Fill("input[type=email]", "bob@acme.test")
	page.SubmitForm("form")
	if got := page.WaitURL(base + "/posted"); !strings.Contains(got, "bob%40acme.test&password=&role=m") {
		t.Errorf("URL = %s", got)
	}

	page.Open(base + "/")
	page.Click("Far down")
	page.WaitURLFunc(func(url string) bool { return strings.HasSuffix(url, "/third") })
	page.WaitText("The end")
	if status, header := page.Response(); status != http.StatusForbidden || header.Get("Sallyport-Error") != "saml_expired" {
		t.Errorf("response = %d, %v", status, header)
	}
	if got := page.Problems(); len(got) > 0 {
		t.Errorf("problems of pages without any: %q", got)
	}

	page.Open(base + "/")
	page.Click("Wait")
	page.WaitText("Later")
	var sum struct{ A, B int }
	page.Eval(`Promise.resolve({A: 1, B: innerWidth})`, &sum)
	if sum.A != 1 || sum.B < 320 {
		t.Errorf("Eval = %+v", sum)
	}
	if html := page.HTML(); !strings.Contains(html, "<h1>Later</h1>") {
		t.Errorf("HTML = %s", html)
	}
	page.Click("Trouble")
	page.Eval(`new Promise(done => setTimeout(done, 50))`, nil)
	if got := page.Problems(); len(got) != 3 || got[0] != `dialog: confirm "Sure?"` || got[1] != "console: oh no" || !strings.HasPrefix(got[2], "exception: Error: thrown") {
		t.Errorf("problems = %q", got)
	}

	shot, err := os.ReadFile(page.Screenshot("start.png"))
	if err != nil {
		t.Fatal(err)
	}
	if size, err := png.DecodeConfig(bytes.NewReader(shot)); err != nil || size.Height < 3000 {
		t.Errorf("screenshot of a page of 3000 px: %+v, %v", size, err)
	}
}

// A user who goes back sees a page that the browser kept, and one who clicks
// what leads nowhere stays: neither keeps a verb waiting.
func TestPageStays(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /", document(`<title>Start</title><a href=/next>Next</a> <a href=/empty>Empty</a> <a href=/file>File</a> <a href=#here>Here</a>
		<form action="https://elsewhere.test/" method=post><button>Forbidden</button></form>
		<script>addEventListener('pageshow', event => document.title = event.persisted ? 'Kept' : 'Loaded')</script>`,
		"Content-Security-Policy", "form-action 'self'"))
	mux.HandleFunc("GET /empty", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /file", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", "attachment; filename=users.csv")
	})
	base := site(t, "127.0.0.1", nil, mux)
	page := Browser(t).NewTab(t)
	page.Open(base + "/")
	for _, link := range []string{"Empty", "File", "Forbidden"} {
		page.Click(link)
		if got := page.URL(); got != base+"/" {
			t.Errorf("%s led to %s", link, got)
		}
	}
	page.Click("Next")
	page.Back()
	if got := page.Title(); got != "Kept" {
		t.Errorf("title after Back = %s", got)
	}
	if got := page.Problems(); len(got) != 1 || !strings.Contains(got[0], "form-action") {
		t.Errorf("problems = %q", got)
	}
	page.Click("Here")
	page.WaitURL(base + "/#here")
}

// recorder is a test that notes how it failed.
type recorder struct {
	testing.TB
	message string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.message = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failing opens a tab, runs verbs that should end the test, and returns the
// message with which they do, after looking at the screenshot that it names.
func failing(t *testing.T, browser *Chromium, verbs func(*Page)) string {
	t.Helper()
	failed := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		verbs(browser.NewTab(failed))
	}()
	<-done
	_, path, _ := strings.Cut(failed.message, "  screenshot: ")
	path, _, _ = strings.Cut(path, "\n")
	if info, err := os.Stat(path); path != "" && (err != nil || info.Size() == 0) {
		t.Errorf("no screenshot: %v: %s", err, failed.message)
	}
	os.Remove(path)
	return failed.message
}

func TestPageFailures(t *testing.T) {
	t.Parallel()
	base := site(t, "127.0.0.1", nil, verbsSite())
	closed, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	browser := Browser(t)
	const soon, full = 300 * time.Millisecond, pageTimeout
	for _, tt := range []struct {
		timeout time.Duration
		verb    func(*Page)
		expect  string
	}{
		{soon, func(p *Page) { p.Click("Nowhere") }, `Click("Nowhere"): it is not there (for 300ms)`},
		{soon, func(p *Page) { p.Text("p[hidden]") }, "it is there, but not visible"},
		{soon, func(p *Page) { p.Click("Not yet") }, "it is disabled"},
		{soon, func(p *Page) { p.Text("button") }, "4 visible elements fit"},
		{soon, func(p *Page) { p.Fill("Role", "King") }, "no such option"},
		{soon, func(p *Page) { p.WaitText("secret") }, "the page does not show it"},
		{soon, func(p *Page) { p.WaitURL("https://") }, "another URL"},
		{soon, func(p *Page) { p.Eval("for (const end = Date.now() + 1000; Date.now() < end;);", nil) }, "deadline exceeded"},
		{full, func(p *Page) { p.Eval("nothing()", nil) }, "nothing is not defined"},
		{full, func(p *Page) { p.Back(); p.Back() }, "no page to go back to"},
		{full, func(p *Page) { p.Open("http://" + closed) }, "net::ERR_CONNECTION_REFUSED"},
		{full, func(p *Page) { p.Open("http://example.com/") }, "net::ERR_NAME_NOT_RESOLVED"},
	} {
		message := failing(t, browser, func(page *Page) {
			page.Open(base + "/")
			page.timeout = tt.timeout
			tt.verb(page)
		})
		if !strings.Contains(message, tt.expect) || !strings.Contains(message, "  page: ") {
			t.Errorf("want %q, the test failed with %q", tt.expect, message)
		}
	}
}

// frameSites are a page of one site that holds a frame of another, which sets
// a cookie and says what it got back.
func frameSites(t *testing.T, files *TLSFiles) (outer, inner string) {
	inner = site(t, "tracker.acme.test", files, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/" {
			w.Header().Add("Set-Cookie", "third=1; Secure; SameSite=None; Path=/")
			fmt.Fprint(w, `<script>document.cookie = 'script=1; Secure; SameSite=None'; location.href = '/read'</script>`)
			return
		}
		fmt.Fprintf(w, `<script>parent.postMessage('server got [%s], script got [' + document.cookie + ']', '*')</script>`, r.Header.Get("Cookie"))
	}))
	outer = site(t, "app.sallyport.test", files, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-own", Value: "1", Secure: true, HttpOnly: true, Path: "/"})
		document(`<title>Outer</title><p id=heard></p>
			<script>addEventListener('message', e => document.getElementById('heard').textContent = e.data)</script>
			<iframe src="`+inner+`/"></iframe>`).ServeHTTP(w, r)
	}))
	return outer, inner
}

func TestBrowserThirdPartyCookies(t *testing.T) {
	t.Parallel()
	files := TLSCertificate(t, "app.sallyport.test", "tracker.acme.test")
	outer, inner := frameSites(t, files)
	names := MapHosts("app.sallyport.test", "tracker.acme.test")
	for _, tt := range []struct {
		name    string
		opts    []BrowserOption
		heard   string
		cookies []string
	}{
		{"allowed", nil, "server got [third=1; script=1], script got [third=1; script=1]", []string{"__Host-own", "script", "third"}},
		{"blocked", []BrowserOption{BlockThirdPartyCookies()}, "server got [], script got []", []string{"__Host-own"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			browser := Browser(t, append(tt.opts, names, TrustKey(files))...)
			for name, open := range map[string]func(testing.TB) *Page{"tab": browser.NewTab, "private tab": browser.NewPrivateTab} {
				page := open(t)
				page.Open(outer + "/")
				page.WaitText("server got")
				if got := page.Text("#heard"); got != tt.heard {
					t.Errorf("%s: %s, want %s", name, got, tt.heard)
				}
				var secure bool
				page.Eval("isSecureContext", &secure)
				var names []string
				for _, cookie := range page.Cookies() {
					names = append(names, cookie.Name)
				}
				slices.Sort(names)
				if !secure || !slices.Equal(names, tt.cookies) {
					t.Errorf("%s: secure context %t, cookies %q, want %q", name, secure, names, tt.cookies)
				}
				// As a page of its own, the other site has cookies anyway.
				page.Open(inner + "/")
				page.WaitURL(inner + "/read")
				var cookies string
				page.Eval("document.cookie", &cookies)
				if cookies != "third=1; script=1" {
					t.Errorf("%s: first-party cookies %q", name, cookies)
				}
			}
		})
	}
}

func TestBrowserCertificates(t *testing.T) {
	t.Parallel()
	trusted, other := TLSCertificate(t, "app.sallyport.test"), TLSCertificate(t, "app.sallyport.test")
	page := document(`<title>Here</title><p>Here`)
	good, bad := site(t, "app.sallyport.test", trusted, page), site(t, "app.sallyport.test", other, page)
	browser := Browser(t, MapHost("plain.sallyport.test", strings.Replace(good, "https://app.sallyport.test", "127.0.0.1", 1)), MapHosts("app.sallyport.test"), TrustKey(trusted))
	browser.NewTab(t).Open(good)
	browser.NewTab(t).Open("https://plain.sallyport.test/")
	if message := failing(t, browser, func(p *Page) { p.Open(bad) }); !strings.Contains(message, "net::ERR_CERT_AUTHORITY_INVALID") {
		t.Errorf("another key than the trusted one: %q", message)
	}
}

func TestBrowserTabs(t *testing.T) {
	t.Parallel()
	base := site(t, "127.0.0.1", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name := r.FormValue("name"); name != "" {
			http.SetCookie(w, &http.Cookie{Name: "name", Value: name})
		}
		cookie, _ := r.Cookie("name")
		document(fmt.Sprintf(`<title>%v</title><form><label>Name <input name=name></label><button>Send</button></form>`, cookie)).ServeHTTP(w, r)
	}))
	browser := Browser(t)
	var all sync.WaitGroup
	for i := range 4 {
		page := browser.NewPrivateTab(t)
		all.Go(func() {
			name := fmt.Sprint("user", i)
			page.Open(base)
			page.Fill("Name", name)
			page.Click("Send")
			page.Open(base + "/again")
			if got := page.Title(); got != "name="+name {
				t.Errorf("tab %d: %s", i, got)
			}
			if second := page.NewTab(); i > 0 {
				second.Open(base)
				if got := second.Title(); got != "name="+name {
					t.Errorf("second tab of %d: %s", i, got)
				}
				second.Close()
			}
		})
	}
	all.Wait()
	page := browser.NewTab(t)
	page.Open(base)
	if got := page.Title(); got != "<nil>" && got != "" {
		t.Errorf("a tab knows the private tabs' cookie: %s", got)
	}
	t.Run("subtest", func(t *testing.T) { browser.NewTab(t).Open(base) })
	page.Open(base + "/still-works")
}

func TestBrowserEmulation(t *testing.T) {
	t.Parallel()
	var language string
	base := site(t, "app.sallyport.test", nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			language = r.Header.Get("Accept-Language")
		}
		document(`<meta name=viewport content="width=device-width"><title>Here</title>`).ServeHTTP(w, r)
	}))
	page := Browser(t, MapHosts("app.sallyport.test"), DarkMode(), Viewport(320, 640), Locale("de-DE")).NewTab(t)
	page.Open(base)
	var got struct {
		Width, Height    int
		Dark             bool
		Language, Number string
	}
	page.Eval(`({Width: innerWidth, Height: innerHeight, Dark: matchMedia('(prefers-color-scheme: dark)').matches,
		Language: navigator.language, Number: (1234.5).toLocaleString()})`, &got)
	if got.Width != 320 || got.Height != 640 || !got.Dark || got.Language != "de-DE" || got.Number != "1.234,5" || !strings.HasPrefix(language, "de-DE,de;") {
		t.Errorf("the page sees %+v, the server %q", got, language)
	}
}

func TestBrowserNoScript(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.Handle("GET /", document(`<title>Plain</title><h1>Plain</h1><noscript><p>Without script</p></noscript>
		<script>document.querySelector('h1').textContent = 'Scripted'</script>
		<form method=post><label>Code <input name=code></label><button onclick="return false">Send</button></form>`))
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "Got %s", r.FormValue("code")) })
	base := site(t, "127.0.0.1", nil, mux)
	page := Browser(t, NoScript()).NewTab(t)
	page.Open(base)
	page.WaitText("Without script")
	if got := page.Text("h1"); got != "Plain" {
		t.Errorf("h1 = %s", got)
	}
	page.Fill("Code", "1234")
	page.Click("Send")
	page.WaitText("Got 1234")
	page.Back()
	page.SubmitForm("form")
	page.WaitText("Got")
}

const strictPolicy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'"

func TestPageProblems(t *testing.T) {
	t.Parallel()
	page := Browser(t).NewTab(t)
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", document(`<!doctype html><html lang=en><title>Strict</title><main><h1>Strict</h1>
		<label>Name <input name=name></label></main><script>document.title = 'Broken'</script>
		<img alt="" src="https://elsewhere.test/x.png"><link rel=stylesheet href=/style.css>`, "Content-Security-Policy", strictPolicy))
	page.Open(site(t, "127.0.0.1", nil, mux))
	page.Fill("Name", "works under the policy")
	if got := page.Title(); got != "Strict" {
		t.Errorf("title = %s", got)
	}
	problems := strings.Join(page.Problems(), "\n")
	for _, part := range []string{"inline script", "https://elsewhere.test/x.png", "/style.css"} {
		if !strings.Contains(problems, part) {
			t.Errorf("no problem tells of %s:\n%s", part, problems)
		}
	}
}

func TestPageAxe(t *testing.T) {
	t.Parallel()
	const head = `<!doctype html><html lang=en><title>Page</title><meta name=viewport content="width=device-width"><main><h1>Page</h1>`
	clean := head + `<p>Text</p><label>Name <input name=name></label></main>`
	planted := head + `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" id=planted></main>`
	page := Browser(t).NewTab(t)
	for _, policy := range []string{"default-src 'self' data: 'unsafe-inline'", strictPolicy} {
		page.Open(site(t, "127.0.0.1", nil, document(clean, "Content-Security-Policy", policy)))
		if got := page.Axe(t); len(got) != 0 {
			t.Errorf("violations of a clean page: %v", got)
		}
		if got := page.Problems(); len(got) != 0 {
			t.Errorf("axe-core made the page complain: %q", got)
		}
	}
	page.Open(site(t, "127.0.0.1", nil, document(planted)))
	got := page.Axe(t)
	if len(got) != 1 || got[0].ID != "image-alt" || got[0].Impact != "critical" ||
		len(got[0].Nodes) != 1 || !slices.Equal(got[0].Nodes[0].Target, []string{"#planted"}) || got[0].Nodes[0].Failure == "" {
		t.Errorf("violations = %v", got)
	}
	var leaked string
	if page.Eval("typeof axe", &leaked); leaked != "undefined" {
		t.Errorf("the page sees axe-core: %s", leaked)
	}
}

// A login in a real browser at an Identity Provider of another site: what the
// two halves of this package are for.
func TestBrowserSimpleSAMLphp(t *testing.T) {
	t.Parallel()
	files := TLSCertificate(t, "app.sallyport.test", "idp.acme.test")
	sp := site(t, "app.sallyport.test", files, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document(fmt.Sprintf("<title>ACS</title>%s: %d octets, RelayState %s", r.Method, len(r.FormValue("SAMLResponse")), r.FormValue("RelayState"))).ServeHTTP(w, r)
	}))
	idp := SimpleSAMLphp(t, SimpleSAMLphpConfig{
		Host: "idp.acme.test", TLS: files, Users: []SimpleSAMLphpUser{alice},
		ServiceProviders: []SimpleSAMLphpSP{{EntityID: testSP, ACSURL: sp + "/acs", SignResponse: true}},
	})
	browser := Browser(t, MapHosts("app.sallyport.test", "idp.acme.test"), TrustKey(files), BlockThirdPartyCookies())
	page := browser.NewTab(t)
	page.Open(idp.IdPInitiatedURL(testSP, "here"))
	page.Fill("Username", alice.Login)
	page.Fill("Password", alice.Password)
	page.Click("Login")
	page.WaitURL(sp + "/acs")
	page.WaitText("RelayState here")
	if text := page.Text("body"); !strings.HasPrefix(text, "POST: ") || strings.HasPrefix(text, "POST: 0 ") {
		t.Errorf("the ACS got %s", text)
	}
}
