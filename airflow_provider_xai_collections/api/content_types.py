"""The MIME type under which a document is sent, and the documents that xAI would not index.

The name and the first bytes promise a type. It is one that xAI lists, or ``text/plain`` for other UTF-8 text; anything
else is not sent. Nothing here depends on what the operating system knows.
"""

from __future__ import annotations

import codecs
import re
from posixpath import splitext

from airflow_provider_xai_collections.exceptions import XAIUnfitDocumentError

#: Bytes at the beginning of a document by which its type is known.
HEAD = 4096
TEXT = "text/plain"
PDF = "application/pdf"
ZIP = "application/zip"
RTF = "text/rtf"
#: The type under which the service keeps content that it did not recognise.
UNTYPED = "application/octet-stream"

_OPEN_XML = "application/vnd.openxmlformats-officedocument."
_OPEN_DOCUMENT = "application/vnd.oasis.opendocument."
DOCX = _OPEN_XML + "wordprocessingml.document"
XLSX = _OPEN_XML + "spreadsheetml.sheet"
PPTX = _OPEN_XML + "presentationml.presentation"
ODT = _OPEN_DOCUMENT + "text"
EPUB = "application/epub+zip"

#: The types that xAI lists as supported beside any UTF-8 text; it calls the list "non-exhaustive". Source: xAI's guide
#: to collections, September 2026.
SUPPORTED = frozenset(
    f"""
    application/csv application/dart application/ecmascript application/epub {EPUB} application/json
    application/ms-java application/msword {PDF} application/typescript application/vnd.adobe.pdf application/vnd.curl
    application/vnd.dart application/vnd.jupyter application/vnd.ms-excel application/vnd.ms-outlook {ODT}
    {PPTX} {_OPEN_XML}presentationml.slide {_OPEN_XML}presentationml.slideshow {_OPEN_XML}presentationml.template
    {XLSX} {_OPEN_XML}spreadsheetml.template {DOCX} {_OPEN_XML}wordprocessingml.template
    application/x-csh application/x-epub+zip application/x-hwp application/x-hwp-v5 application/x-latex
    application/x-pdf application/x-php application/x-powershell application/x-sh application/x-shellscript
    application/x-tex application/x-zsh application/xhtml application/xml {ZIP} text/cache-manifest text/calendar
    text/css text/csv text/html text/javascript text/jsx text/markdown text/n3 text/php {TEXT} {RTF}
    text/tab-separated-values text/troff text/tsv text/tsx text/turtle text/uri-list text/vcard text/vtt text/x-asm
    text/x-bibtex text/x-c text/x-c++hdr text/x-c++src text/x-chdr text/x-coffeescript text/x-csh text/x-csharp
    text/x-csrc text/x-d text/x-diff text/x-emacs-lisp text/x-erlang text/x-go text/x-haskell text/x-java
    text/x-java-properties text/x-java-source text/x-kotlin text/x-lisp text/x-lua text/x-objcsrc text/x-pascal
    text/x-perl text/x-perl-script text/x-python text/x-python-script text/x-r-markdown text/x-rst text/x-ruby-script
    text/x-rust text/x-sass text/x-scala text/x-scheme text/x-script.python text/x-scss text/x-sh text/x-sql
    text/x-swift text/x-tcl text/x-tex text/x-vbasic text/x-vcalendar text/xml text/xml-dtd text/yaml
    """.split()
)

#: Types and the ends of names: those that xAI supports, then those by which an unfit document is known without reading
#: it. For other names the first bytes decide.
_ENDINGS = f"""
    {PDF}=pdf {DOCX}=docx {_OPEN_XML}wordprocessingml.template=dotx {XLSX}=xlsx {_OPEN_XML}spreadsheetml.template=xltx
    {PPTX}=pptx {_OPEN_XML}presentationml.slide=sldx {_OPEN_XML}presentationml.slideshow=ppsx
    {_OPEN_XML}presentationml.template=potx {ODT}=odt {EPUB}=epub {ZIP}=zip {RTF}=rtf
    {TEXT}=txt,text,log,eml,jsonl,ndjson,toml,ini,cfg,conf application/dart=dart application/json=json
    application/msword=doc,dot application/typescript=ts application/vnd.jupyter=ipynb application/vnd.ms-excel=xls,xlt
    application/vnd.ms-outlook=msg application/x-hwp=hwp application/x-php=php application/x-powershell=ps1
    application/x-zsh=zsh application/xhtml=xhtml text/calendar=ics text/css=css text/csv=csv text/html=html,htm
    text/javascript=js,mjs,cjs text/jsx=jsx text/markdown=md,markdown,mdown text/n3=n3 text/tab-separated-values=tsv,tab
    text/tsx=tsx text/turtle=ttl text/vcard=vcf text/vtt=vtt text/x-asm=asm text/x-bibtex=bib text/x-c++hdr=hh,hpp,hxx
    text/x-c++src=cc,cpp,cxx text/x-chdr=h text/x-coffeescript=coffee text/x-csh=csh text/x-csharp=cs text/x-csrc=c
    text/x-diff=diff,patch text/x-emacs-lisp=el text/x-erlang=erl text/x-go=go text/x-haskell=hs text/x-java=java
    text/x-java-properties=properties text/x-kotlin=kt,kts text/x-lisp=lisp text/x-lua=lua text/x-pascal=pas
    text/x-perl=pl,pm text/x-python=py,pyi text/x-r-markdown=rmd text/x-rst=rst text/x-ruby-script=rb text/x-rust=rs
    text/x-sass=sass text/x-scala=scala text/x-scheme=scm text/x-scss=scss text/x-sh=sh,bash text/x-sql=sql
    text/x-swift=swift text/x-tcl=tcl text/x-tex=tex text/x-vbasic=vb text/xml=xml,xsd,xsl,xslt,svg text/xml-dtd=dtd
    text/yaml=yaml,yml

    application/gzip=gz,tgz application/java-archive=jar,war application/java-vm=class
    application/vnd.android.package-archive=apk application/vnd.apache.avro=avro application/vnd.apache.orc=orc
    application/vnd.apache.parquet=parquet application/vnd.debian.binary-package=deb
    application/vnd.microsoft.portable-executable=dll,exe application/vnd.ms-cab-compressed=cab
    application/vnd.ms-fontobject=eot application/vnd.ms-powerpoint=pot,pps,ppt application/vnd.rar=rar
    application/vnd.sqlite3=db,sqlite,sqlite3 application/wasm=wasm application/x-7z-compressed=7z
    application/x-apple-diskimage=dmg application/x-bzip2=bz2,tbz2 application/x-compress=z application/x-cpio=cpio
    application/x-feather=feather application/x-hdf5=h5,hdf5 application/x-iso9660-image=iso application/x-lz4=lz4
    application/x-lzip=lz application/x-msi=msi application/x-numpy=npy,npz application/x-object=dylib,o,so
    application/x-pickle=pickle,pkl application/x-python-bytecode=pyc,pyd,pyo application/x-rpm=rpm
    application/x-tar=tar application/x-xz=txz,xz application/zstd=zst {UNTYPED}=bin {_OPEN_DOCUMENT}graphics=odg
    {_OPEN_DOCUMENT}presentation=odp {_OPEN_DOCUMENT}spreadsheet=ods audio/aac=aac audio/aiff=aif,aiff audio/flac=flac
    audio/midi=mid,midi audio/mp4=m4a audio/mpeg=mp3 audio/ogg=oga,ogg,opus audio/wav=wav audio/x-ms-wma=wma
    font/otf=otf font/ttf=ttf font/woff=woff font/woff2=woff2 image/avif=avif image/bmp=bmp image/gif=gif
    image/heic=heic,heif image/jpeg=jpeg,jpg image/jxl=jxl image/png=png image/tiff=tif,tiff
    image/vnd.adobe.photoshop=psd image/vnd.microsoft.icon=ico image/webp=webp video/3gpp=3gp video/mp4=m4v,mp4
    video/mpeg=mpeg,mpg video/ogg=ogv video/quicktime=mov video/webm=webm video/x-flv=flv video/x-matroska=mkv
    video/x-ms-wmv=wmv video/x-msvideo=avi
"""
_BY_ENDING = {
    ending: kind
    for kind, _, endings in (entry.partition("=") for entry in _ENDINGS.split())
    for ending in endings.split(",")
}

#: Types whose text has to be extracted. Everything else that xAI supports is text as it is.
_EXTRACTED = frozenset(
    kind
    for kind in SUPPORTED
    if kind.startswith(("application/vnd.openxmlformats", "application/vnd.oasis", "application/x-hwp"))
    or "epub" in kind
    or "pdf" in kind
) | {ZIP, RTF, "application/msword", "application/vnd.ms-excel", "application/vnd.ms-outlook"}

_PDF_MAGIC = b"%PDF-"
_RTF_MAGIC = b"{\\rtf"
_ZIP_MAGIC = b"PK\x03\x04"
#: Kinds of zip files by what comes early in each: its first member, or the beginning of a name.
_IN_A_ZIP = (
    (re.compile(rb"mimetypeapplication/epub\+zip"), EPUB),
    (re.compile(rb"mimetypeapplication/vnd\.oasis\.opendocument\.text"), ODT),
    (re.compile(rb"(?<![\w/.-])word/"), DOCX),
    (re.compile(rb"(?<![\w/.-])xl/"), XLSX),
    (re.compile(rb"(?<![\w/.-])ppt/"), PPTX),
)


def content_type_of(name: str) -> str | None:
    """Return the MIME type that a name promises; ``None`` if it tells nothing."""
    return _BY_ENDING.get(_ending(name)[1:])


def unsupported(name: str) -> str:
    """Say why xAI would not index a file of this name; empty if the name speaks for it, or tells nothing."""
    kind = content_type_of(name)
    if kind is None or kind in SUPPORTED:
        return ""
    return f"is {kind} by its name ({_ending(name)}), which xAI does not list as supported"


def _ending(name: str) -> str:
    return splitext(name)[1].lower()  # much faster than ``pathlib``, and there may be very many


def type_to_send(name: str, head: bytes) -> str:
    """Return the MIME type, supported by xAI, under which a document is sent, or raise :class:`XAIUnfitDocumentError`.

    :param head: its first :data:`HEAD` bytes, or all of them if there are fewer.
    """
    if wrong := unsupported(name):
        raise XAIUnfitDocumentError(f"{name} {wrong}")
    named, seen = content_type_of(name), _type_seen(head)
    if seen in (PDF, RTF) or (seen is not None and (named is None or not needs_extraction(named))):
        return seen
    if named is None and _is_text(head):
        return TEXT
    if named is not None and not needs_extraction(named) and b"\0" in head:
        raise XAIUnfitDocumentError(
            f"{name} is no UTF-8 text, as its name says it is (it has NUL bytes): save it as UTF-8, or give it the "
            "ending of what it is"
        )
    if named is None:
        raise XAIUnfitDocumentError(
            f"{name} is not UTF-8 text, and its name does not say what it is. If it is a PDF or Office document, give "
            "it its ending (.pdf, .docx); if it is text, save it as UTF-8"
        )
    return named


def needs_extraction(content_type: str) -> bool:
    """Tell whether the service has to extract the text of this type."""
    return bare(content_type) in _EXTRACTED


def bare(content_type: str) -> str:
    """Return a MIME type without its parameters: ``text/plain; charset=utf-8`` is ``text/plain``."""
    return content_type.partition(";")[0].strip().lower()


def _type_seen(head: bytes) -> str | None:
    """Return the type that unmistakable first bytes show."""
    if head.startswith(_PDF_MAGIC):
        return PDF
    if head.startswith(_RTF_MAGIC):
        return RTF
    if head.startswith(_ZIP_MAGIC):
        return next((kind for mark, kind in _IN_A_ZIP if mark.search(head)), ZIP)
    return None


def _is_text(head: bytes) -> bool:
    """Check that bytes begin UTF-8 text, whose last character may be cut in two, or are all of it."""
    if b"\0" in head:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD)
    except UnicodeDecodeError:
        return False
    return True
