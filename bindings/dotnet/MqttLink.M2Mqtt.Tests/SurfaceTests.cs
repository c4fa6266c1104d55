using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Reflection;
using MqttLink.TestRunner;

namespace M2Mqtt.Tests
{
    /// <summary>The façades have M2Mqtt's public members, name by name and type by type, and nothing else but what the
    /// list of additions says. A line is a type, or after two spaces a member of it.</summary>
    public sealed class SurfaceTests
    {
        private static readonly Dictionary<Type, string> Keywords = new Dictionary<Type, string>
        {
            { typeof(void), "void" }, { typeof(bool), "bool" }, { typeof(byte), "byte" }, { typeof(int), "int" },
            { typeof(uint), "uint" }, { typeof(long), "long" }, { typeof(ushort), "ushort" },
            { typeof(string), "string" }, { typeof(object), "object" }
        };

        [Test]
        [Case("nano", typeof(nanoFramework.M2Mqtt.MqttClient))]
        [Case("classic", typeof(uPLibrary.Networking.M2Mqtt.MqttClient))]
        public void TheSurfaceIsM2Mqtts(string name, Type client)
        {
            List<string> ours = Surface(client.Assembly).ToList();
            List<string> wanted = Lines(name + ".txt");
            List<string> additions = Lines(name + "-additions.txt");
            string[] missing = wanted.Except(ours).ToArray();
            Check.Equal(new string[0], missing, "what M2Mqtt has and we have not");
            string dump = Environment.GetEnvironmentVariable("UPDATE_SURFACE");
            if (dump != null)
            {
                Write(Path.Combine(dump, name + "-additions.txt"), ours.Except(wanted));
                return;
            }

            Check.Equal(new string[0], ours.Except(wanted).Except(additions).ToArray(), "what is not in a list");
            Check.Equal(new string[0], additions.Except(ours).ToArray(), "additions that are not there");
            Check.Equal(new string[0], additions.Intersect(wanted).ToArray(), "additions that M2Mqtt has");
        }

        /// <summary>Each member with its type, so that lines can be compared one by one.</summary>
        private static List<string> Lines(string name)
        {
            using (Stream stream = typeof(SurfaceTests).Assembly.GetManifestResourceStream(name))
            using (StreamReader reader = new StreamReader(stream))
            {
                string type = null;
                List<string> lines = new List<string>();
                foreach (string line in reader.ReadToEnd().Split('\n').Select(one => one.TrimEnd()))
                {
                    if (line.StartsWith("  ", StringComparison.Ordinal))
                    {
                        lines.Add(type + " | " + line.Trim());
                    }
                    else if (line.Length > 0 && !line.StartsWith("#", StringComparison.Ordinal))
                    {
                        type = line.TrimStart('=').Trim();
                        if (!line.StartsWith("=", StringComparison.Ordinal))
                        {
                            lines.Add(type);
                        }
                    }
                }

                return lines;
            }
        }

        private static void Write(string path, IEnumerable<string> lines)
        {
            List<string> text = new List<string>
            {
                "# Members that M2Mqtt does not have. Behind '=' a type of M2Mqtt's that has more members here."
            };
            string current = null;
            foreach (string line in lines)
            {
                string[] parts = line.Split(new[] { " | " }, StringSplitOptions.None);
                if (parts.Length == 1)
                {
                    text.Add(line);
                    current = line;
                }
                else
                {
                    if (current != parts[0])
                    {
                        current = parts[0];
                        text.Add("= " + current);
                    }

                    text.Add("  " + parts[1]);
                }
            }

            File.WriteAllText(path, string.Join("\n", text) + "\n");
        }

        private static IEnumerable<string> Surface(Assembly assembly)
        {
            foreach (Type type in assembly.GetExportedTypes().OrderBy(one => one.FullName, StringComparer.Ordinal))
            {
                string name = Head(type);
                yield return name;
                foreach (string member in Members(type))
                {
                    yield return name + " | " + member;
                }
            }
        }

        private static string Head(Type type)
        {
            string name = type.FullName.Replace('+', '.');
            if (type.IsEnum)
            {
                return "enum " + name;
            }

            if (typeof(Delegate).IsAssignableFrom(type))
            {
                MethodInfo invoke = type.GetMethod("Invoke");
                return "delegate " + Name(invoke.ReturnType) + " " + name + Parameters(invoke);
            }

            string kind = type.IsInterface ? "interface " : type.IsAbstract && type.IsSealed ? "static class "
                : type.IsAbstract ? "abstract class " : "class ";
            string root = type.BaseType == null || type.BaseType == typeof(object) ? string.Empty
                : " : " + type.BaseType.Name;
            return kind + name + root;
        }

        private static IEnumerable<string> Members(Type type)
        {
            const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance
                | BindingFlags.Static | BindingFlags.DeclaredOnly;
            if (typeof(Delegate).IsAssignableFrom(type))
            {
                return new string[0];
            }

            if (type.IsEnum)
            {
                return Enum.GetNames(type).Select(name => name + " = "
                    + Convert.ToInt32(Enum.Parse(type, name)));
            }

            return type.GetMembers(All).Select(Member).Where(line => line != null)
                .OrderBy(line => line, StringComparer.Ordinal);
        }

        private static string Member(MemberInfo member)
        {
            if (member is ConstructorInfo constructor)
            {
                return constructor.IsPublic ? "new" + Parameters(constructor) : null;
            }

            if (member is FieldInfo field)
            {
                string value = field.IsLiteral ? " = " + field.GetRawConstantValue() : string.Empty;
                return field.IsPublic ? "const " + Name(field.FieldType) + " " + field.Name + value : null;
            }

            if (member is EventInfo happening)
            {
                return happening.AddMethod.IsPublic
                    ? "event " + Name(happening.EventHandlerType) + " " + happening.Name
                    : null;
            }

            if (member is PropertyInfo property)
            {
                return Property(property);
            }

            MethodInfo method = member as MethodInfo;
            return method != null && method.IsPublic && !method.IsSpecialName
                ? (method.IsStatic ? "static " : string.Empty) + Name(method.ReturnType) + " " + method.Name
                    + Parameters(method)
                : null;
        }

        private static string Property(PropertyInfo property)
        {
            bool get = property.GetMethod != null && property.GetMethod.IsPublic;
            bool set = property.SetMethod != null && property.SetMethod.IsPublic;
            bool isStatic = (property.GetMethod ?? property.SetMethod).IsStatic;
            return get
                ? (isStatic ? "static " : string.Empty) + Name(property.PropertyType) + " " + property.Name
                    + (set ? " get set" : " get")
                : null;
        }

        private static string Parameters(MethodBase method)
        {
            return "(" + string.Join(", ", method.GetParameters()
                .Select(one => Name(one.ParameterType) + " " + one.Name)) + ")";
        }

        private static string Name(Type type)
        {
            string keyword;
            if (type.IsArray)
            {
                return Name(type.GetElementType()) + "[]";
            }

            if (Keywords.TryGetValue(type, out keyword))
            {
                return keyword;
            }

            string plain = type.IsGenericType
                ? type.Name.Split('`')[0] + "<" + string.Join(", ", type.GetGenericArguments().Select(Name)) + ">"
                : type.Name;
            return type.IsNested ? type.DeclaringType.Name + "." + plain : plain;
        }
    }
}
