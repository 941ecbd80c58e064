package policytest

import "testing"

// FuzzRecordedCall reads any text as a recorded call: it gives an answer that can be
// given again, or an error.
func FuzzRecordedCall(f *testing.F) {
	for _, seed := range []string{
		`{"id":"1","outcome":"success","received":{"status":200,"headers":[["A","b"],["A"],[]],"body":"aGk=","body_encoding":"base64"}}`,
		`{"call":{"id":"1","outcome":"timeout","received":null},"answer":null}`, `{"call":null}`, `[]`, `{"received":{"headers":[null]}}`, `{"ID":1}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := answerOf(data)
		if err == nil && (answer.status < 200 || answer.status > 599 || answer.headers == nil) {
			t.Errorf("%q: got %+v, want an answer that can be given", data, answer)
		}
	})
}
