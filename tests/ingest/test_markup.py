"""Mallard and DocBook: headings, lists, menus, keys and code stay; what is for machines goes."""

import pytest

from assistant.kernel.errors import UnreadableDocument
from assistant.kernel.knowledge import BlockKind, ParsedDocument
from ingest.parse import parse
from tests.ingest.uploads import uploaded

PAGE = """<page xmlns="http://projectmallard.org/1.0/" type="topic" id="mouse-wakeup">
  <info>
    <link type="guide" xref="mouse#problems"/>
    <credit type="author"><name>Ann</name><email>ann@shop.example</email></credit>
    <include href="legal.xml" xmlns="http://www.w3.org/2001/XInclude"/>
    <title type="link">Slow mouse</title>
    <desc>If the mouse responds late.</desc>
  </info>
  <title>The mouse reacts with delay</title>
  <p>Wait a moment, or press <keyseq><key>Ctrl</key><key>F</key></keyseq>. See <link xref="mouse-doubleclick"/>.</p>
  <section id="settings">
    <title>Settings</title>
    <steps>
      <title>Sleep</title>
      <item><p>Open <guiseq><gui>Settings</gui><gui>Mouse</gui></guiseq>.</p></item>
      <item><p>Switch <gui>Sleep</gui> off.</p></item>
    </steps>
    <terms><item><title>Delay</title><p>In seconds.</p></item></terms>
    <code>gsettings set mouse false</code>
    <note><title>Beware</title><p>It needs <code>sudo</code>.</p></note>
    <choose xmlns="http://projectmallard.org/if/1.0/">
      <when test="platform:new"><p xmlns="http://projectmallard.org/1.0/">In the panel.</p></when>
      <else><p xmlns="http://projectmallard.org/1.0/">In the old panel.</p></else>
    </choose>
    <table><tr><td><p>Low</p></td><td><p>1 s</p></td></tr></table>
  </section>
</page>"""

ARTICLE = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "http://www.oasis-open.org/docbook/xml/4.5/docbookx.dtd" [
  <!ENTITY product "Fernhill One">
]>
<article lang="en">
  <articleinfo><title>Descaling the &product;</title><author><firstname>Ann</firstname></author><pubdate>2026</pubdate></articleinfo>
  <indexterm><primary>scale</primary></indexterm>
  <para>Every three months<footnote><para>Hard water: two.</para></footnote>.</para>
  <section id="steps">
    <title>Steps</title>
    <procedure><step><para>Fill the tank.</para></step><step><para>Press <keycombo><keycap>A</keycap><keycap>B</keycap></keycombo>.</para></step></procedure>
    <variablelist><varlistentry><term>E4</term><term>E5</term><listitem><para>No water.</para></listitem></varlistentry></variablelist>
    <programlisting>descale --now
  --quiet</programlisting>
    <informaltable><tgroup cols="2"><thead><row><entry>Part</entry><entry>Price</entry></row></thead>
      <tbody><row><entry>Pump</entry><entry>45 GBP</entry></row></tbody></tgroup></informaltable>
    <para>See <xref linkend="water-hardness"/> and <ulink url="https://shop.example/water"/>.</para>
  </section>
  <qandaset><qandaentry><question><para>Is vinegar allowed?</para></question><answer><para>No.</para></answer></qandaentry></qandaset>
</article>"""


def read(name: str, text: str) -> ParsedDocument:
    return parse(uploaded(name, text.encode()))


def test_a_page_of_mallard() -> None:
    document = read("mouse-wakeup.page", PAGE)
    assert document.title == "The mouse reacts with delay"
    top, below = (document.title,), (document.title, "Settings")
    assert [(block.kind, block.heading_path, block.text) for block in document.blocks] == [
        (BlockKind.PARAGRAPH, top, "If the mouse responds late."),
        (BlockKind.PARAGRAPH, top, "Wait a moment, or press Ctrl+F. See mouse doubleclick."),
        (BlockKind.PARAGRAPH, below, "Sleep"),
        (BlockKind.LIST, below, "1. Open Settings > Mouse.\n2. Switch Sleep off."),
        (BlockKind.LIST, below, "- Delay: In seconds."),
        (BlockKind.CODE, below, "gsettings set mouse false"),
        (BlockKind.PARAGRAPH, below, "Beware"),
        (BlockKind.PARAGRAPH, below, "It needs sudo."),
        (BlockKind.PARAGRAPH, below, "In the panel."),
        (BlockKind.TABLE, below, "Low | 1 s"),
    ]
    assert document.blocks[-1].anchor == "settings"


def test_an_article_of_docbook() -> None:
    document = read("descaling.xml", ARTICLE)
    assert document.title == "Descaling the Fernhill One"
    top, below = (document.title,), (document.title, "Steps")
    asked = (document.title, "Is vinegar allowed?")
    assert [(block.kind, block.heading_path, block.text) for block in document.blocks] == [
        (BlockKind.PARAGRAPH, top, "Every three months (Hard water: two.)."),
        (BlockKind.LIST, below, "1. Fill the tank.\n2. Press A+B."),
        (BlockKind.LIST, below, "- E4, E5: No water."),
        (BlockKind.CODE, below, "descale --now\n  --quiet"),
        (BlockKind.TABLE, below, "Part | Price\nPump | 45 GBP"),
        (BlockKind.PARAGRAPH, below, "See water hardness and https://shop.example/water."),
        (BlockKind.PARAGRAPH, asked, "No."),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<page><p>Not closed</page>", "no sound XML"),
        ("<recipe><p>Cake</p></recipe>", "<recipe> at its root"),
        ("Plain text", "no sound XML"),
    ],
)
def test_other_xml_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(UnreadableDocument, match=reason):
        read("a.xml", text)
