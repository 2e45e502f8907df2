package tutorial

import (
	"encoding/json"
	"strings"
	"testing"

	"sallyport/internal/testenv"
)

// A reader follows the tutorial in a browser, and knows nothing but what stands
// in it and on the pages that it has come to.
type reader struct {
	t         *testing.T
	chromium  *testenv.Chromium
	sites     *strings.Replacer // from the addresses of the tutorial to those of this demo
	tabs      []*testenv.Page   // the last one is in front
	first     *testenv.Page
	second    *testenv.Page
	seen      strings.Builder
	clipboard string
	file      string
	password  string
}

func (r *reader) page() *testenv.Page { return r.tabs[len(r.tabs)-1] }

func (r *reader) front(p *testenv.Page) { r.tabs = append(r.tabs, p) }

// look takes in what the page shows, fields too.
func (r *reader) look() {
	r.t.Helper()
	var text string
	r.page().Eval(`document.body.innerText + "\n" + [...document.querySelectorAll("input:not([type=hidden]), textarea")].map(e => e.value).join("\n")`, &text)
	r.seen.WriteString(text + "\n")
}

func (r *reader) open(with []string) {
	if len(r.tabs) == 0 {
		r.first = r.chromium.NewPrivateTab(r.t)
		r.front(r.first)
	}
	r.page().Open(r.sites.Replace(with[0]))
}

func (r *reader) openBeside(with []string) {
	r.second = r.first.NewTab()
	r.front(r.second)
	r.page().Open(r.sites.Replace(with[0]))
}

func (r *reader) openPrivate(with []string) {
	r.front(r.chromium.NewPrivateTab(r.t))
	r.page().Open(r.sites.Replace(with[0]))
}

func (r *reader) turnTo(with []string) {
	r.front(map[string]*testenv.Page{"first": r.first, "second": r.second}[with[0]])
}

// typeInto types what stands on a page that was seen before, and nothing else.
func (r *reader) typeInto(with []string) {
	r.t.Helper()
	if !strings.Contains(r.seen.String(), with[0]) {
		r.t.Fatalf("nobody can know %q: it was on no page", with[0])
	}
	r.page().Fill(with[1], with[0])
}

func (r *reader) makeUp(with []string) {
	r.password = "three quiet harbours"
	for _, field := range with {
		r.page().Fill(field, r.password)
	}
}

func (r *reader) typePassword(with []string) { r.page().Fill(with[0], r.password) }

func (r *reader) click(with []string) { r.page().Click(with[0]) }

func (r *reader) clickAway(with []string) { r.front(r.page().Popup(with[0])) }

func (r *reader) see(with []string) { r.page().WaitText(with[0]) }

// pressCopy presses a button that copies, and has what stands beside it.
func (r *reader) pressCopy(with []string) {
	r.t.Helper()
	name := "Copy: " + with[0]
	r.page().Eval(`(() => {
		const button = [...document.querySelectorAll("button[data-copy]")].find(b => b.getAttribute("aria-label") === `+quoted(name)+`);
		const beside = button.parentElement.querySelector("code, textarea");
		return (beside.value ?? beside.innerText).trim();
	})()`, &r.clipboard)
	r.page().Click(name)
	r.page().WaitText("Copied")
}

// copyFrom copies a field that can't be changed.
func (r *reader) copyFrom(with []string) {
	r.t.Helper()
	r.page().Eval(`(() => {
		const label = [...document.querySelectorAll("label")].find(l => l.innerText.trim() === `+quoted(with[0])+`);
		return label.control.readOnly ? label.control.value : null;
	})()`, &r.clipboard)
	if r.clipboard == "" {
		r.t.Fatalf("nothing to copy at %q", with[0])
	}
}

func (r *reader) paste(with []string) { r.page().Fill(with[0], r.clipboard) }

// download keeps the file of a link.
func (r *reader) download(with []string) {
	r.t.Helper()
	r.page().Eval(`(() => {
		const link = [...document.querySelectorAll("a[href]")].find(a => a.innerText.trim() === `+quoted(with[0])+`);
		return fetch(link.href).then(answer => answer.ok ? answer.text() : "");
	})()`, &r.file)
	if r.file == "" {
		r.t.Fatalf("nothing comes of %q", with[0])
	}
}

func (r *reader) giveFile(with []string) {
	r.page().Eval(`(() => {
		const label = [...document.querySelectorAll("label")].find(l => l.innerText.trim() === `+quoted(with[0])+`);
		const list = new DataTransfer();
		list.items.add(new File([`+quoted(r.file)+`], "metadata.xml"));
		label.control.files = list.files;
	})()`, nil)
}

func quoted(text string) string {
	raw, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(raw)
}
