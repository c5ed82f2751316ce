# Fetches PySpark and SynapseML with its jars into build/clients/spark: . setup.sh FOLDER. Versions are fixed.
#
# Afterwards FOLDER/venv/bin/python has pyspark and synapse.ml, FOLDER/jars is what Spark is given as spark.jars: what
# Spark brings itself (the Scala library, slf4j ...) is taken out.
spark_setup() { # FOLDER
    local here wanted
    here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
    set -- "$(realpath -m "$1")" # Maven takes folders from where the pom lies
    wanted="pyspark 3.5.9, synapseml 1.1.0, $(cksum <"$here/pom.xml")"
    [ "$(cat "$1/.spark" 2>/dev/null)" = "$wanted" ] && return
    mkdir -p "$1"
    [ -x "$1/venv/bin/python" ] || python3 -m venv "$1/venv" || return
    "$1/venv/bin/python" -m pip install -q --disable-pip-version-check pyspark==3.5.9 numpy &&
        "$1/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps synapseml==1.1.0 || return
    rm -rf "$1/jars"
    mvn -q -B -f "$here/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$1/jars" || return
    (cd "$1/jars" && rm -f scala-library-* scala-reflect-* slf4j-api-* spark-avro_* spark-tags_* commons-lang-* commons-logging-*) || return
    echo "$wanted" >"$1/.spark"
}
