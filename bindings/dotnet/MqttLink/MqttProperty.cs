using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>One MQTT 5.0 property: a number, text, binary data, or a name and a value.</summary>
    public sealed class MqttProperty
    {
        internal MqttProperty(MqttPropertyId id, uint number, string name, string text, byte[] data)
        {
            Id = id;
            Number = number;
            Name = name;
            Text = text;
            Data = data;
        }

        /// <summary>Which property.</summary>
        public MqttPropertyId Id { get; }

        /// <summary>The value of a property that is a number; otherwise 0.</summary>
        public uint Number { get; }

        /// <summary>The name of a user property; otherwise null.</summary>
        public string Name { get; }

        /// <summary>The value of a property that is text, or of a user property; otherwise null.</summary>
        public string Text { get; }

        /// <summary>The value of a property that is binary; otherwise null.</summary>
        public byte[] Data { get; }

        internal static MqttProperty FromNative(NativeProperty property)
        {
            var id = (MqttPropertyId)property.Id;
            var binary = id == MqttPropertyId.CorrelationData || id == MqttPropertyId.AuthenticationData;
            return new MqttProperty(
                id, property.Number, Interop.Text.FromNative(property.Name),
                binary ? null : Interop.Text.FromNative(property.Value, property.ValueLen),
                binary ? Interop.Text.Bytes(property.Value, property.ValueLen) : null);
        }

        internal unsafe void AddTo(PropertiesHandle list)
        {
            if (Id == MqttPropertyId.UserProperty)
            {
                MqttException.Check(NativeMethods.mqttlink_properties_add_user(
                    list, Interop.Text.Required(Name, "name"), Interop.Text.Required(Text, "value")));
            }
            else if (Text != null)
            {
                MqttException.Check(NativeMethods.mqttlink_properties_set_text(
                    list, (int)Id, Interop.Text.ToNative(Text, "text")));
            }
            else if (Data != null)
            {
                fixed (byte* data = Data)
                {
                    MqttException.Check(NativeMethods.mqttlink_properties_set_data(
                        list, (int)Id, data, NativeMethods.Size(Data.Length)));
                }
            }
            else
            {
                MqttException.Check(NativeMethods.mqttlink_properties_set_number(list, (int)Id, Number));
            }
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            var value = Text ?? (Data == null ? Number.ToString() : Data.Length + " bytes");
            return Name == null ? Id + " = " + value : Name + " = " + value;
        }
    }
}
