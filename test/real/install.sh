#!/bin/sh
# Makes sure that the real services can be started: Postgres 15, psql, kcat, a JDK 17 and Maven.
# Installs them with apt-get where that is possible (root on Debian); says what is missing otherwise.
set -u
missing=""
[ -x /usr/lib/postgresql/15/bin/initdb ] || missing="$missing postgresql-15"
command -v psql >/dev/null 2>&1 || missing="$missing postgresql-client-15"
command -v kcat >/dev/null 2>&1 || missing="$missing kcat"
javac -version 2>&1 | grep -qE 'javac (1[7-9]|2[0-9])' || missing="$missing openjdk-17-jdk-headless"
command -v mvn >/dev/null 2>&1 || missing="$missing maven"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "installing:$missing"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing && exit 0
fi
echo "the suites on real services need these Debian packages (or the same from elsewhere):$missing" >&2
exit 1
