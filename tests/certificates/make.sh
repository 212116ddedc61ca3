#!/usr/bin/env bash
# Makes the certificates and keys beside this file anew. They are for tests only, and good for a hundred years.
#
#   authority    signs for the others
#   server       RSA, of version 3, for `localhost`, with its chain
#   client       ECDSA, of version 3, called `Alice`
#   old          RSA, of version 1, as `openssl x509 -req` makes it unless it is told otherwise
#   late         as `client`, and out of date
#   alone        its own authority
#   locked       the key of `server`, opened by `open sesame`
set -euo pipefail
cd "$(dirname "$0")"
quiet() { "$@" 2>/dev/null; }
days=36500

quiet openssl req -x509 -new -newkey rsa:2048 -nodes -keyout authority.key -out authority.crt -days $days -subj "/O=Pollux tests/CN=Authority"
sign() {   # sign NAME SUBJECT DAYS [option...]
  local name=$1 subject=$2 days=$3
  shift 3
  quiet openssl req -new -key "$name.key" -subj "/O=Pollux tests/CN=$subject" |
    quiet openssl x509 -req -CA authority.crt -CAkey authority.key -CAcreateserial -days "$days" -out "$name.crt" "$@"
}
extensions() { printf 'basicConstraints=CA:FALSE\n%s\n' "$1"; }

quiet openssl genrsa -out server.key 2048
sign server server $days -extfile <(extensions 'subjectAltName=DNS:localhost,IP:127.0.0.1')
cat authority.crt >>server.crt
quiet openssl ecparam -genkey -name prime256v1 -noout | openssl pkcs8 -topk8 -nocrypt -out client.key
sign client Alice $days -extfile <(extensions 'extendedKeyUsage=clientAuth')
quiet openssl genrsa -out old.key 2048
sign old Generic $days
cp client.key late.key
sign late Late -1 -extfile <(extensions 'extendedKeyUsage=clientAuth')
quiet openssl req -x509 -new -newkey rsa:2048 -nodes -keyout alone.key -out alone.crt -days $days -subj "/O=Pollux tests/CN=Alone"
openssl pkcs8 -topk8 -in server.key -out locked.key -passout "pass:open sesame"
rm -f authority.srl authority.key
