using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// A list of MQTT 5.0 properties, in order (section 2.2.2). Lists that come with a message, an answer or an
    /// exception cannot be changed; a list of your own can, by one thread at a time.
    /// </summary>
    public sealed class MqttProperties : IReadOnlyList<MqttProperty>
    {
        internal static readonly MqttProperties Empty = new MqttProperties(new List<MqttProperty>(0), true);

        private readonly List<MqttProperty> items;
        private readonly bool isFixed;

        /// <summary>An empty list.</summary>
        public MqttProperties() : this(new List<MqttProperty>(), false)
        {
        }

        private MqttProperties(List<MqttProperty> items, bool isFixed)
        {
            this.items = items;
            this.isFixed = isFixed;
        }

        /// <summary>How many properties there are.</summary>
        public int Count => items.Count;

        /// <summary>The property at a place, from 0.</summary>
        public MqttProperty this[int index] => items[index];

        /// <summary>1 if the payload is UTF-8 text, 0 if it is not said.</summary>
        public int? PayloadFormatIndicator => (int?)Number(MqttPropertyId.PayloadFormatIndicator);

        /// <summary>For how many seconds the message is of use.</summary>
        public uint? MessageExpiryInterval => Number(MqttPropertyId.MessageExpiryInterval);

        /// <summary>What the payload is, as a MIME type for example; null if it is not said.</summary>
        public string ContentType => Text(MqttPropertyId.ContentType);

        /// <summary>Where the answer is expected; null if none is.</summary>
        public string ResponseTopic => Text(MqttPropertyId.ResponseTopic);

        /// <summary>What the answer has to carry; null if nothing.</summary>
        public byte[] CorrelationData => Data(MqttPropertyId.CorrelationData);

        /// <summary>The identifiers of the subscriptions that the message matched.</summary>
        public IReadOnlyList<uint> SubscriptionIdentifiers =>
            items.Where(item => item.Id == MqttPropertyId.SubscriptionIdentifier)
                .Select(item => item.Number).ToArray();

        /// <summary>What the server says about a refusal; null if nothing.</summary>
        public string ReasonString => Text(MqttPropertyId.ReasonString);

        /// <summary>Names and values, in order; names may repeat.</summary>
        public IReadOnlyList<KeyValuePair<string, string>> UserProperties =>
            items.Where(item => item.Id == MqttPropertyId.UserProperty)
                .Select(item => new KeyValuePair<string, string>(item.Name, item.Text)).ToArray();

        /// <summary>The first property with this identifier, if it is a number; null if there is none.</summary>
        public uint? Number(MqttPropertyId id)
        {
            return Find(id)?.Number;
        }

        /// <summary>The first property with this identifier, if it is text; null if there is none.</summary>
        public string Text(MqttPropertyId id)
        {
            return Find(id)?.Text;
        }

        /// <summary>The first property with this identifier, if it is binary; null if there is none.</summary>
        public byte[] Data(MqttPropertyId id)
        {
            return Find(id)?.Data;
        }

        /// <summary>The value of the first user property with this name; null if there is none.</summary>
        public string User(string name)
        {
            return items.FirstOrDefault(item => item.Id == MqttPropertyId.UserProperty && item.Name == name)?.Text;
        }

        /// <summary>
        /// Sets a property that is a number, in the place of an earlier one; a subscription identifier is
        /// appended.
        /// </summary>
        /// <exception cref="InvalidOperationException">The list came with something else.</exception>
        public MqttProperties Set(MqttPropertyId id, uint number)
        {
            return Put(new MqttProperty(id, number, null, null, null));
        }

        /// <summary>Sets a property that is text, of at most 65,535 bytes of UTF-8.</summary>
        /// <exception cref="InvalidOperationException">The list came with something else.</exception>
        public MqttProperties Set(MqttPropertyId id, string text)
        {
            return Put(new MqttProperty(id, 0, null, text ?? throw new ArgumentNullException(nameof(text)), null));
        }

        /// <summary>Sets a property that is binary, of at most 65,535 bytes.</summary>
        /// <exception cref="InvalidOperationException">The list came with something else.</exception>
        public MqttProperties Set(MqttPropertyId id, byte[] data)
        {
            return Put(new MqttProperty(id, 0, null, null, data ?? throw new ArgumentNullException(nameof(data))));
        }

        /// <summary>Appends a user property; each string has at most 65,535 bytes of UTF-8.</summary>
        /// <exception cref="InvalidOperationException">The list came with something else.</exception>
        public MqttProperties AddUser(string name, string value)
        {
            return Put(new MqttProperty(
                MqttPropertyId.UserProperty, 0, name ?? throw new ArgumentNullException(nameof(name)),
                value ?? throw new ArgumentNullException(nameof(value)), null));
        }

        /// <inheritdoc/>
        public IEnumerator<MqttProperty> GetEnumerator()
        {
            return items.GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }

        /// <summary>A copy of a list of the library.</summary>
        internal static MqttProperties FromNative(IntPtr list)
        {
            var count = (int)NativeMethods.mqttlink_properties_count(list);
            if (count == 0)
            {
                return Empty;
            }
            var items = new List<MqttProperty>(count);
            for (var index = 0; index < count; index++)
            {
                NativeMethods.mqttlink_properties_at(list, NativeMethods.Size(index), out var property);
                items.Add(MqttProperty.FromNative(property));
            }
            return new MqttProperties(items, true);
        }

        /// <summary>The library's form of a list, to be disposed; null if there is nothing in it.</summary>
        /// <exception cref="ArgumentException">A value cannot be used.</exception>
        internal static PropertiesHandle ToNative(MqttProperties properties)
        {
            if (properties == null || properties.Count == 0)
            {
                return null;
            }
            var list = NativeMethods.mqttlink_properties_new();
            try
            {
                // A lambda would be made, with what it holds, also for messages without properties.
                foreach (var item in properties.items)
                {
                    item.AddTo(list);
                }
                return list;
            }
            catch
            {
                list.Dispose();
                throw;
            }
        }

        private MqttProperty Find(MqttPropertyId id)
        {
            return items.Find(item => item.Id == id);
        }

        private MqttProperties Put(MqttProperty property)
        {
            if (isFixed)
            {
                throw new InvalidOperationException(
                    "these properties came from the library and cannot be changed; fill a new list");
            }
            if (property.Id != MqttPropertyId.UserProperty && property.Id != MqttPropertyId.SubscriptionIdentifier)
            {
                items.RemoveAll(item => item.Id == property.Id);
            }
            items.Add(property);
            return this;
        }
    }
}
