#!/bin/sh
# A small authority, and certificates by which a broker, a gateway and devices know each other:
#
#     certificates.sh BROKER NAME...      here: ca.pem, server.pem and server.key for the broker's host name or address,
#                                         NAME.pem and NAME.key for each gateway and device
#
# Called again, it makes what is not there yet. ca.key makes further certificates: keep it away from broker and devices.
set -eu
umask 077
[ $# -ge 1 ] || {
    echo "usage: certificates.sh BROKER NAME..." >&2
    exit 2
}
days=365

new_key() { # new_key FILE
    openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

issue() { # issue FILE COMMON-NAME EXTENSIONS
    [ -e "$1.pem" ] && return
    new_key "$1.key"
    openssl req -new -key "$1.key" -subj "/CN=$2" -out "$1.csr"
    printf '%b' "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\n" \
        "authorityKeyIdentifier=keyid\n$3\n" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days "$days" -sha256 \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
    rm "$1.csr" "$1.ext"
}

if [ ! -e ca.pem ]; then
    new_key ca.key
    printf '%b' "[req]\ndistinguished_name=name\nx509_extensions=authority\n[name]\n[authority]\n" \
        "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n" \
        >ca.cnf
    openssl req -new -x509 -key ca.key -config ca.cnf -subj "/CN=devices and their broker" -days 3650 -sha256 -out ca.pem
    rm ca.cnf
fi
case $1 in
*[!0-9.]*) names=DNS:$1 ;;
*) names=IP:$1 ;;
esac
issue server "$1" "subjectAltName=$names\nextendedKeyUsage=serverAuth"
shift
for name in "$@"; do
    issue "$name" "$name" "extendedKeyUsage=clientAuth"
done
