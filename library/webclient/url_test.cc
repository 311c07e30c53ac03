#include "library/webclient/url.h"

#include <gtest/gtest.h>

#include "library/meta/error.h"
#include "library/webclient/text.h"

namespace wellhead::webclient {
namespace {

TEST(Url, OriginIsSchemeHostAndPort) {
  EXPECT_EQ(Url::parse("https://Example.ORG/fhir").origin(), "https://example.org:443");
  EXPECT_EQ(Url::parse("HTTP://example.org:80/").origin(), Url::parse("http://example.org/other").origin());
  EXPECT_NE(Url::parse("http://example.org").origin(), Url::parse("https://example.org").origin());
  EXPECT_NE(Url::parse("http://example.org").origin(), Url::parse("http://example.org:8080").origin());
  EXPECT_NE(Url::parse("http://example.org").origin(), Url::parse("http://example.org.evil.net").origin());
  EXPECT_EQ(Url::parse("http://good.org@evil.net/x").origin(), "http://evil.net:80");
}

TEST(Url, TakesUserInfoOutOfTheText) {
  const auto url = Url::parse("https://ann:s%20cret@example.org/fhir?a=b#top");
  EXPECT_EQ(url.text(), "https://example.org/fhir?a=b");
  EXPECT_EQ(url.user(), "ann");
  EXPECT_EQ(url.password(), "s cret");
}

TEST(Url, RefusesWhatIsNoWebUrl) {
  for (const auto* text :
       {"", "example.org/fhir", "ftp://example.org", "file:///etc/passwd", "http://", "javascript:alert(1)"}) {
    EXPECT_THROW(Url::parse(text), meta::Error) << text;
  }
}

TEST(Url, ResolvesReferencesAndKeepsQueriesAsTheyAre) {
  const auto url = Url::parse("http://example.org:8080/fhir/Patient?a=1");
  EXPECT_EQ(url.resolve("?_getpages=x%2Fy&b=c|d").text(), "http://example.org:8080/fhir/Patient?_getpages=x%2Fy&b=c|d");
  EXPECT_EQ(url.resolve("/other?x=1").text(), "http://example.org:8080/other?x=1");
  EXPECT_EQ(url.resolve("Patient?name=a b").text(), "http://example.org:8080/fhir/Patient?name=a%20b");
  EXPECT_EQ(url.resolve("//other.org/x").origin(), "http://other.org:80");
  EXPECT_EQ(url.resolve("https://other.org/x").origin(), "https://other.org:443");
  EXPECT_THROW(url.resolve(""), meta::Error);
  EXPECT_THROW(url.resolve("file:///etc/passwd"), meta::Error);
}

TEST(Url, KnowsThisMachine) {
  for (const auto* text : {"http://localhost:1/", "http://127.0.0.1/", "http://127.8.9.1/", "http://[::1]:80/"}) {
    EXPECT_TRUE(Url::parse(text).loopback()) << text;
  }
  EXPECT_FALSE(Url::parse("http://localhost.example.org/").loopback());
}

TEST(FormEncode, EncodesAllThatMeansSomething) {
  EXPECT_EQ(form_encode("a&b=c+d e|f%é"), "a%26b%3Dc%2Bd%20e%7Cf%25%C3%A9");
  EXPECT_EQ(form_encode("id-1,id_2:exact"), "id-1,id_2:exact");
}

TEST(OneLine, IsFitForAMessage) {
  EXPECT_EQ(one_line("  a\r\n\t b\x01 c  ", 100), "a b c");
  EXPECT_EQ(one_line("Jos\xc3\xa9 \xff\xc3[", 100), "José ??[");
  EXPECT_EQ(one_line("ééé", 5), "éé…");
  EXPECT_EQ(one_line("\xed\xa0\x80", 100), "???");  // a surrogate half is no UTF-8
  EXPECT_EQ(one_line("\xf0\x9f\x98\x80", 100), "\xf0\x9f\x98\x80");
}

}  // namespace
}  // namespace wellhead::webclient
