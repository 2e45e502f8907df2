package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"sallyport/help"
	"sallyport/internal/testenv"
	"sallyport/internal/testenv/parts"
)

// TestCopyingFromAGuide opens a guide with a profile's values in a browser:
// copying says so, with the browser's clipboard and where there is none; it is
// accessible in every look; without scripts there is the field to select from.
func TestCopyingFromAGuide(t *testing.T) {
	s := newSite(t, parts.New(t, "sqlite"), "http://localhost:8400")
	values := help.Values{EntityID: "https://sp.test/entity", ACSURL: "https://sp.test/acs", MetadataURL: "https://sp.test/metadata", SLOURL: "https://sp.test/slo"}
	s.web.handle("GET /guide-of-a-profile", func(r *request) error {
		frame, err := r.helpFrame("help.title", Link{})
		if err != nil {
			return err
		}
		g, _ := help.GuideFor("adfs")
		return r.render(http.StatusOK, "help_guide", helpGuideView{frame, newGuide(g, values)})
	})
	server := httptest.NewServer(s.web)
	t.Cleanup(server.Close)
	page := testenv.Browser(t).NewTab(t)
	for _, clipboard := range []string{"", `navigator.clipboard.writeText = () => Promise.reject(new Error("no"));
		document.execCommand = command => { window.taken = getSelection().toString(); return command === "copy"; };`} {
		page.Open(server.URL + "/guide-of-a-profile")
		if clipboard != "" {
			page.Eval("(() => {"+clipboard+"})()", nil)
		}
		page.Click("Copy: Relying party trust identifier")
		page.WaitText("Copied")
		shows(t, page, `document.getElementById("announce").textContent`, "Copied")
		if clipboard == "" {
			continue
		}
		shows(t, page, `window.taken`, values.EntityID)
		page.Click(`section[aria-labelledby="guide-nameid"] .snippet button`)
		shows(t, page, `window.taken.slice(0, 27)`, "Set-AdfsRelyingPartyTrust -")
	}
	for name, look := range map[string][]testenv.BrowserOption{
		"light": {testenv.LightMode(), testenv.Viewport(1280, 800)}, "dark": {testenv.DarkMode(), testenv.Viewport(1280, 800)},
		"phone": {testenv.LightMode(), testenv.Viewport(320, 640)},
	} {
		page.Show(look...)
		page.Open(server.URL + "/guide-of-a-profile")
		for _, violation := range page.Axe(t) {
			t.Errorf("%s: %s", name, violation)
		}
		var wide int
		if page.Eval(`document.documentElement.scrollWidth - innerWidth`, &wide); wide > 0 {
			t.Errorf("%s: the page is %d pixels wider than the window", name, wide)
		}
		if dir := os.Getenv("SCREENSHOTS"); dir != "" {
			page.Screenshot(filepath.Join(dir, "guide-of-a-profile-"+name+".png"))
		}
	}
	page.Show(testenv.NoScript())
	page.Open(server.URL + "/guide-of-a-profile")
	var got struct {
		Buttons int
		Value   string
		Fixed   bool
	}
	page.Eval(`(() => {
		const field = document.querySelector(".took textarea");
		return {Buttons: [...document.querySelectorAll("button.copy")].filter(b => b.offsetParent).length, Value: field.value, Fixed: field.readOnly};
	})()`, &got)
	if got.Buttons != 0 || got.Value != values.MetadataURL || !got.Fixed {
		t.Errorf("%+v", got)
	}
}

// shows waits until an expression on the page is this.
func shows(t *testing.T, page *testenv.Page, js, want string) {
	t.Helper()
	var got string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if page.Eval(js, &got); got == want {
			return
		}
	}
	t.Errorf("%s is %q, not %q", js, got, want)
}
