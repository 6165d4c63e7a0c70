package sign

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/orgexport/orgexport/export"
	"github.com/orgexport/orgexport/export/access"
)

// ErrRevoked is matched when a bound link was good once, and whom it was made for may not
// export any more.
var ErrRevoked = errors.New("sign: link was revoked")

// maxHolder bounds what a link says of its holder, in bytes: links have to fit into the
// address bars, headers and logs of others.
const maxHolder = 1024

// holderText returns the text of whom a link is made for. Limits are not in it.
func holderText(p access.Principal) ([]byte, error) {
	text, err := json.Marshal([]string{p.Name, p.OrganizationID, string(p.Role), p.Subject})
	if err != nil || len(text) > maxHolder {
		return nil, fmt.Errorf("sign: the principal takes %d bytes, want at most %d", len(text), maxHolder)
	}
	return text, nil
}

// parseHolder reads what holderText has written, and nothing else.
func parseHolder(text []byte) (access.Principal, error) {
	var fields []string
	if len(text) > maxHolder || json.Unmarshal(text, &fields) != nil || len(fields) != 4 {
		return access.Principal{}, errors.New("holder")
	}
	p := access.Principal{Name: fields[0], OrganizationID: fields[1], Role: access.Role(fields[2]), Subject: fields[3]}
	if again, err := holderText(p); err != nil || string(again) != string(text) {
		return access.Principal{}, errors.New("holder")
	}
	return p, nil
}

// derived returns a key for another purpose than signing.
func (k Key) derived(purpose string) []byte {
	h := hmac.New(sha256.New, k.Secret)
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// sealer returns what encrypts the holder of a link, and what its text belongs to.
func (k Key) sealer(l link) (seal cipher.AEAD, belongsTo []byte, err error) {
	block, err := aes.NewCipher(k.derived("orgexport link holder"))
	if err != nil {
		return nil, nil, fmt.Errorf("sign: encrypt: %w", err)
	}
	seal, err = cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("sign: encrypt: %w", err)
	}
	return seal, []byte(l.object.key + " " + strconv.FormatInt(l.expires, 10)), nil
}

// seal encrypts whom a link is made for, so that nobody who sees the link learns it. Equal
// links are equal: the nonce is made of what is encrypted.
func (k Key) seal(l link, text []byte) ([]byte, error) {
	seal, belongsTo, err := k.sealer(l)
	if err != nil {
		return nil, err
	}
	h := hmac.New(sha256.New, k.derived("orgexport link nonce"))
	h.Write(fmt.Appendf(nil, "%d:%s,%s", len(belongsTo), belongsTo, text))
	nonce := h.Sum(nil)[:seal.NonceSize()]
	return seal.Seal(nonce, nonce, text, belongsTo), nil
}

// open is the reverse of seal.
func (k Key) open(l link) (access.Principal, error) {
	seal, belongsTo, err := k.sealer(l)
	if err != nil || len(l.holder) < seal.NonceSize() {
		return access.Principal{}, errors.New("holder")
	}
	nonce, sealed := l.holder[:seal.NonceSize()], l.holder[seal.NonceSize():]
	text, err := seal.Open(nil, nonce, sealed, belongsTo)
	if err != nil {
		return access.Principal{}, errors.New("holder")
	}
	return parseHolder(text)
}

// bind says in a link whom it is made for.
func (l *Links) bind(ctx context.Context, made *link) error {
	p, ok := access.PrincipalOf(ctx)
	if !ok {
		return errors.New("sign: links are bound, and nobody says whom this one is for: see access.WithPrincipal")
	}
	text, err := holderText(p)
	if err != nil {
		return err
	}
	made.holder, err = l.config.Keys.keys[0].seal(*made, text)
	return err
}

// admit returns the name of whom a link was made for, empty if it is not bound. If they may
// not export any more it answers the request, and returns false.
func (l *Links) admit(w http.ResponseWriter, r *http.Request, asked link) (name string, ok bool) {
	if len(asked.holder) == 0 {
		return "", true
	}
	holder, err := l.config.Keys.open(asked)
	if err != nil || l.config.MayDownload == nil {
		l.fail(w, r, http.StatusForbidden, export.WithPublic(ErrLink, "The link is not valid."))
		return "", false
	}
	may, err := l.config.MayDownload(r.Context(), holder, asked.object.organization)
	switch {
	case err != nil:
		if r.Context().Err() == nil { // else the client has gone
			l.log(r, "who may use a link is not known", asked.object.organization, asked.object.job, err)
		}
		l.fail(w, r, statusOf(err), err)
		return "", false
	case !may:
		l.fail(w, r, http.StatusForbidden, export.WithPublic(ErrRevoked, "The link is not valid any more: whoever asked for it may not export."))
		return "", false
	}
	return holder.Name, true
}
