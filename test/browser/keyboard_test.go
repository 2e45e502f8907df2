package browser

import (
	"net/url"
	"testing"
	"time"

	"sallyport/test/harness"
)

// focused waits until this has the focus: browsers give it to a field a moment
// after they have loaded the page.
func (b *tab) focused(t *testing.T, selector string) {
	t.Helper()
	var at struct {
		Right bool
		What  string
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		b.Eval("({Right: document.activeElement.matches(`"+selector+"`), What: document.activeElement.cloneNode().outerHTML})", &at)
		if at.Right {
			return
		}
	}
	t.Errorf("the focus is on %s, not on %s", at.What, selector)
}

// controls are what a user can reach by the Tab key: of the choices of a group
// the chosen one, from which the arrow keys lead to the others.
const controls = `[...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary')]
	.filter(e => e.getClientRects().length > 0 && e.checkVisibility() && !(e.type === 'radio' && !e.checked))`

// reachedByKeyboard presses Tab all the way round the page: every control gets
// the focus, and shows it.
func (b *tab) reachedByKeyboard(t *testing.T) {
	t.Helper()
	var names []string
	b.Eval(controls+`.map(e => e.cloneNode().outerHTML)`, &names)
	reached := make(map[int]bool)
	for range 2*len(names) + 4 {
		if len(reached) == len(names) {
			return
		}
		b.Press("Tab")
		at := b.focus()
		if at.Control < 0 {
			continue // the browser's own controls, or the page as a whole
		}
		if reached[at.Control] = true; !at.Outlined || !at.Visible {
			t.Errorf("%s does not show that it has the focus: %+v", names[at.Control], at)
		}
	}
	for i, name := range names {
		if !reached[i] {
			t.Errorf("the Tab key does not reach %s", name)
		}
	}
}

// A focus is what a user sees of the control that has it.
type focus struct {
	Control  int // -1 is none of the page's
	Outlined bool
	Visible  bool
	Box      string
}

// focus returns it when the page has scrolled there: the browser does that
// after the key was answered.
func (b *tab) focus() (at focus) {
	for range 20 {
		b.Eval(`(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			return {
				Control: `+controls+`.indexOf(e),
				Outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
				Box: [box.left, box.top, box.right, box.bottom].join(' ') + ' of ' + innerWidth + ' ' + innerHeight,
				Visible: box.width > 0 && box.left >= 0 && box.top >= 0 && box.right <= innerWidth && box.bottom <= innerHeight,
			}})()`, &at)
		if at.Control < 0 || at.Visible {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	return at
}

func keyboardSignsIn(t *testing.T, s *stage) {
	user := s.member(t)
	b := s.newTab(t)
	b.path(securityPath)
	b.focused(t, "#email")
	b.Type(user)
	b.Press("Enter")
	b.at(t, "/login/password?return_to="+url.QueryEscape(securityPath))
	b.focused(t, "#password")
	b.Type(harness.Password)
	b.Press("Enter")
	b.at(t, securityPath)
	b.signedIn(t, user, "password")
	for range 20 {
		var name string
		b.Press("Tab")
		if b.Eval("document.activeElement.innerText", &name); name == "Sign out" {
			break
		}
	}
	b.Press("Space")
	b.at(t, loginPath)
	b.signedIn(t, "", "")
}

func skipLink(t *testing.T, s *stage) {
	b := s.newTab(t)
	b.signIn(t, s.member(t))
	b.path(securityPath)
	b.Press("Tab")
	b.focused(t, ".skip")
	b.Press("Enter", "Tab")
	b.focused(t, "main *")
}
